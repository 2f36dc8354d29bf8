"""What a user sees when a command is called wrongly, interrupted or cut off."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import click
import pytest

from groovefast.cli import console
from groovefast.errors import GrooveFastError, MidiError, OptionError


def _raise(error):
    raise error


def _command(action=lambda: None):
    @console.command("groovefast-try")
    @click.argument("output_dir")
    @click.option("--num", type=click.IntRange(1), default=1)
    @click.option("--mode", type=console.Choice(["sample", "interpolate"]))
    @click.option("--qpm", type=console.FloatRange(min=4))
    @click.option("--strength", type=console.FloatRange(0, 1))
    @click.option("--plot", type=console.LocalPath())
    def command(output_dir, num, mode, qpm, strength, plot):
        """Tries things."""
        del output_dir, num, mode, qpm, strength, plot
        return action()

    return command


@pytest.fixture
def run(capsys):
    """Runs the command above; gives exit status, stdout and the lines of stderr."""

    def run(*words, action=lambda: None):
        with pytest.raises(SystemExit) as ended:
            console.run(_command(action), words)
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err.splitlines()

    return run


def test_success_is_silent_and_returns_zero(run):
    assert run("out") == (0, "", [])


def test_an_integer_result_is_the_exit_status(run):
    assert run("out", action=lambda: 3) == (3, "", [])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "OUTPUT_DIR is missing (see groovefast-try --help)"),
        (
            ["out", "--nun", "3"],
            "--nun: no such option; did you mean --num? (see groovefast-try --help)",
        ),
        (["out", "--num", "0"], "--num: 0 is not in the range x>=1"),
        (["out", "--num"], "option '--num' requires an argument"),
        (["out", "--mode", "smaple"], "--mode: no such choice 'smaple'; did you mean sample?"),
        (
            ["out", "--mode", "zzz"],
            "--mode: no such choice 'zzz'; it is one of sample, interpolate",
        ),
        (["out", "--qpm", "nan"], "--qpm: 'nan' is not a finite number"),
        (["out", "--qpm", "inf"], "--qpm: 'inf' is not a finite number"),
        (["out", "--qpm", "1e999"], "--qpm: '1e999' is not a finite number"),
        (["out", "--qpm", "3"], "--qpm: 3.0 is not in the range x>=4"),
        (["out", "--strength", "NaN"], "--strength: 'NaN' is not a finite number"),
        (["out", "--strength", "-inf"], "--strength: -inf is not in the range 0<=x<=1"),
        (
            ["out", "--plot", "s3://bucket/x.png"],
            "--plot: a path on this machine wanted, not the URL s3://bucket/x.png",
        ),
        (
            ["out", "more"],
            "got unexpected extra argument (more) (see groovefast-try --help)",
        ),
    ],
)
def test_wrong_usage_is_one_line(run, words, line):
    assert run(*words) == (2, "", [f"groovefast-try: {line}"])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (GrooveFastError("--config: no such config 'x'"), "--config: no such config 'x'"),
        (GrooveFastError("odd\nname.mid: not MIDI"), "odd name.mid: not MIDI"),
        (OptionError("qpm", "3 is too slow"), "--qpm: 3 is too slow"),
        (OptionError("output_dir", "is full"), "OUTPUT_DIR: is full"),
        (OptionError("hop_bars", "0 is too few"), "hop_bars: 0 is too few"),
        (
            GrooveFastError("a.mid: no drums; try `qpm`, `hop_bars` or `a file.mid`"),
            "a.mid: no drums; try --qpm, `hop_bars` or `a file.mid`",
        ),
        (MidiError("chunk ends early", 22, "a.mid"), "a.mid: chunk ends early (at byte 22)"),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "gone.mid"),
            "gone.mid: no such file or directory; check the spelling",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", b"locked"),
            "locked: permission denied; check its permissions or choose another place",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "no space left on device; free some space or choose another place",
        ),
        (OSError("bare"), "bare"),
        (MemoryError(), "out of memory; ask for less at once, or close other programs"),
        (click.ClickException("simply wrong"), "simply wrong"),
        (click.UsageError("Simply wrong."), "simply wrong (see groovefast-try --help)"),
        (click.UsageError("DIR is missing"), "DIR is missing (see groovefast-try --help)"),
    ],
)
def test_mistakes_are_one_line(run, error, line):
    assert run("out", action=lambda: _raise(error)) == (2, "", [f"groovefast-try: {line}"])


def test_debug_keeps_the_traceback():
    with pytest.raises(GrooveFastError, match="wrong"):
        console.run(_command(lambda: _raise(GrooveFastError("wrong"))), ["out", "--debug"])


def test_debug_counts_even_where_options_cannot_be_parsed():
    with pytest.raises(click.NoSuchOption):
        console.run(_command(), ["--debug", "--nothing"])


def test_our_own_bugs_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        console.run(_command(lambda: 1 // 0), ["out"])


def test_interrupt_ends_with_130(run):
    status, _, lines = run("out", action=lambda: _raise(KeyboardInterrupt()))
    assert status == 130
    assert [line for line in lines if line] == ["groovefast-try: interrupted"]


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_the_shared_options(run, flag):
    status, out, lines = run(flag)
    assert (status, lines) == (0, [])
    assert "Tries things." in out
    assert "--debug" in out
    assert "--version" in out


def test_version_is_that_of_the_package(run):
    status, out, _ = run("--version")
    assert status == 0
    assert out.startswith("groovefast-try, version ")


@pytest.mark.skipif(os.name != "posix", reason="pipes that close are POSIX matters")
@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_goes_away_is_no_error(lines):
    script = textwrap.dedent(
        f"""
        import sys, click
        from groovefast.cli import console

        @console.command("groovefast-try")
        def command():
            sys.stdin.read()
            for number in range({lines}):
                print(number)

        console.run(command)
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    process.stdin.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1


_PRINTING = """
import os, sys, click
from groovefast.cli import console

@console.command("groovefast-try")
@click.option("--fail", is_flag=True)
def command(fail):
    with open(sys.argv[1], "wb") as file:
        print("said", flush=True)
        assert file.fileno() > 2
        file.write(b"work")
    if fail:
        raise click.ClickException("failed")
    return console.EXIT_SOME_FAILED

console.run(command, sys.argv[2:])
"""


@pytest.fixture
def redirected(tmp_path):
    """Runs a command that writes a file, by a shell; gives exit status, stdout and stderr."""

    def redirected(redirection, *words):
        shell = f'exec "$@" {redirection}'
        python = [sys.executable, "-c", _PRINTING, tmp_path / "file", *words]
        done = subprocess.run(["sh", "-c", shell, "sh", *python], capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr, (tmp_path / "file").read_bytes()

    return redirected


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_mistake(redirected, closed):
    said = "" if closed in ("<&- >&-", ">&-", "<&- >&- 2>&-") else "said\n"
    assert redirected(closed) == (console.EXIT_SOME_FAILED, said, "", b"work")
    complaint = "" if "2>&-" in closed else "groovefast-try: failed\n"
    assert redirected(closed, "--fail") == (console.EXIT_MISTAKE, said, complaint, b"work")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_is_full(redirected):
    line = "no space left on device; free some space or choose another place"
    assert redirected(">/dev/full") == (2, "", f"groovefast-try: {line}\n", b"")
    assert redirected("2>/dev/full", "--fail") == (2, "said\n", "", b"work")


def test_what_tensorflow_lacks_is_one_line(run):
    import tensorflow as tf

    for message, line in (
        ("OOM when allocating tensor", "out of memory; ask for less at once, or close"),
        ("model; No space left on device", "no space left on device; free some space or choose"),
    ):
        error = tf.errors.ResourceExhaustedError(None, None, message)
        status, _, (said,) = run("out", action=lambda error=error: _raise(error))
        assert status == 2
        assert said.startswith(f"groovefast-try: {line}")


def test_importing_it_stays_light():
    script = """
import sys
import groovefast.cli.console
heavy = {"numpy", "rich", "matplotlib", "tensorflow"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
