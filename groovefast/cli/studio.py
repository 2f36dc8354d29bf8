"""`groovefast-studio`: drums in the browser, played by this machine."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groovefast.cli import console
from groovefast.errors import GrooveFastError

if TYPE_CHECKING:
    from groovefast.studio.guard import Door

_THREADS = ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Of NumPy's products, read when it is imported. Those of the models are small: on a busy machine
threads that wait for each other take twenty times as long as one."""


@console.command("groovefast-studio")
@click.argument("files", metavar="[MIDI]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--model",
    "given",
    metavar="DIR",
    multiple=True,
    type=console.model_path,
    help="A model of yours, beside the included ones: what groovefast-train left in RUN_DIR/model, "
    "or a checkpoint of Magenta, of grooves, drums, melodies or trios. May be given again.",
)
@click.option(
    "--host",
    metavar="HOST",
    help="The address or name of this machine to listen on, as in 0.0.0.0 for all: whoever has the "
    "address that is printed can use the studio over the network.  [default: 127.0.0.1, which only "
    "this machine reaches]",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Where to listen; 0 is a free one.  [default: 8765, or a free one where that is taken]",
)
@click.option("--no-browser", is_flag=True, help="Only print the address; open no browser.")
def command(
    files: tuple[Path, ...],
    given: tuple[Path, ...],
    host: str | None,
    port: int | None,
    no_browser: bool,
) -> None:
    """Opens the studio: a page in the browser to write, play and rework drums.

    The MIDI files named are there when it opens. Nothing leaves this machine, and nothing is
    written to it but what the browser downloads. Ctrl-C ends it.
    """
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    from groovefast.studio.server import LOOPBACK, listening, serve

    _give(given)
    pieces = [_opened(path) for path in files]
    with listening(LOOPBACK if host is None else host, port) as listener:
        from groovefast.studio.app import application
        from groovefast.studio.models import MODELS

        door = _door(listener, host)
        address = _address(listener, door)
        debug = console.is_debugging()
        app = application(door, pieces, unexpected=_teller(debug))

        def started() -> None:
            click.echo(f"The studio is at {address} (Ctrl-C ends it)")
            threading.Thread(target=MODELS.warm, daemon=True).start()
            if not no_browser:
                threading.Thread(target=_open_browser, args=(address,), daemon=True).start()

        serve(app, listener, started, debug)


def _give(paths: Sequence[Path]) -> None:
    """Reads the models that are given."""
    from groovefast.model.folder import find_model_folder, is_on_disk
    from groovefast.studio.models import MODELS

    for path in paths:
        if find_model_folder(path) is None and not is_on_disk(path):
            raise GrooveFastError(
                f"--model {path}: no such model; groovefast-train leaves one in RUN_DIR/model"
            )
    if not all(map(find_model_folder, paths)):
        console.load_tensorflow()  # it reads checkpoints of Magenta
    MODELS.give(paths)


def _opened(path: Path) -> dict[str, Any]:
    """The piece that a file is."""
    from groovefast.studio.bodies import MAX_BODY
    from groovefast.studio.models import MODELS
    from groovefast.studio.pieces import opened

    with path.open("rb") as file:
        midi = file.read(MAX_BODY + 1)
    if len(midi) > MAX_BODY:
        raise GrooveFastError(f"{path}: larger than {MAX_BODY // 10**6} MB")
    return opened(midi, path.name, pitched=MODELS.hear_pitches)


def _door(listener: socket.socket, host: str | None) -> Door:
    """Who is let in, and under which names."""
    from groovefast.studio.guard import LOOPBACK_NAMES, Door

    port = listener.getsockname()[1]
    if host is None:
        return Door(port)
    machine = socket.gethostname().lower()
    given = host.lower()
    names = {*LOOPBACK_NAMES, f"[{given}]" if ":" in given else given, machine, f"{machine}.local"}
    return Door(port, names, secrets.token_urlsafe(16))


def _address(listener: socket.socket, door: Door) -> str:
    """The address to open; where all of the machine's are listened on, that others reach it by."""
    host = listener.getsockname()[0]
    if host in ("0.0.0.0", "::"):
        host = _outward_address(listener.family) or {"::": "::1"}.get(host, "127.0.0.1")
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{door.port}/" + (f"?token={door.token}" if door.token else "")


def _outward_address(family: int) -> str | None:
    """This machine's address on its network; nothing is sent to find it."""
    somewhere = "2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1"  # for documentation
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asked:
        asked.connect((somewhere, 9))
        return str(asked.getsockname()[0])
    return None


def _open_browser(address: str) -> None:
    """Opens the page, where there is a screen: a browser for terminals would take this one."""
    import webbrowser

    if sys.platform in ("win32", "darwin") or {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        webbrowser.open(address)


def _teller(debug: bool) -> Callable[[Exception], None]:
    """Tells an error of ours in a line, or with all there is."""

    def tell(error: Exception) -> None:
        line = " ".join(f"{type(error).__name__}: {error}".split())
        told = "".join(traceback.format_exception(error)) if debug else f"{line} (see --debug)"
        with contextlib.suppress(OSError):
            click.echo(f"{command.name}: {told}", err=True)

    return tell


def main() -> None:
    """Entry point of `groovefast-studio`."""
    console.run(command)
