"""What a user sees when a command is called wrongly, interrupted or cut off."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap

import click
import pytest

from groovefast.cli import console
from groovefast.errors import GrooveFastError, MidiError


def _raise(error):
    raise error


def _command(action=lambda: None):
    @console.command("groovefast-try")
    @click.argument("output_dir")
    @click.option("--num", type=click.IntRange(1), default=1)
    @click.option("--mode", type=console.Choice(["sample", "interpolate"]))
    def command(output_dir, num, mode):
        """Tries things."""
        del output_dir, num, mode
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


def test_importing_it_stays_light():
    script = """
import sys
import groovefast.cli.console
heavy = {"numpy", "rich", "matplotlib", "tensorflow"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
