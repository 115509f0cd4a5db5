"""The command line as a whole: what it lists, and how it says that something is wrong."""

import argparse
import re
from collections.abc import Callable

import pytest

from openvoucher import __version__
from openvoucher.cli import COMMANDS, main
from openvoucher.cli.options import CommandFailed
from openvoucher.platform.db import DatabaseUnavailable
from openvoucher.platform.stop_signals import StopRequested
from programs import run_openvoucher


def test_help_lists_every_command_and_none_of_the_servers_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert [name for name in COMMANDS if not re.search(rf"^    {name}\s", said, re.M)] == []
    assert "_api" not in said
    assert "_work" not in said


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: openvoucher {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["migrate", "serve"], "unrecognized arguments: serve"),
        (["serve", "--port", "65536"], "65536 is not between 0 and 65535"),
        (["serve", "--workers", "0"], "0 is not between 1 and 1000"),
        (["serve", "--workers", "two"], "'two' is not a whole number"),
        (["serve", "--log-level", "chatty"], "invalid choice: 'CHATTY'"),
        (["migrate", "--check", "--write-checksums"], "not allowed with"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        (
            "OPENVOUCHER_PROT",
            "9000",
            "openvoucher: OPENVOUCHER_PROT is not a setting. Known: OPENVOUCHER_HOST",
        ),
        ("OPENVOUCHER_PORT", "http", "openvoucher: OPENVOUCHER_PORT='http'"),
        ("OPENVOUCHER_WORKERS", "0", "openvoucher: workers and pool_size must be at least 1"),
        ("OPENVOUCHER_APP_ID", "me", "openvoucher: OPENVOUCHER_APP_ID and OPENVOUCHER_APP_TOKEN go together"),
        (
            "OPENVOUCHER_DATABASE_URL",
            "mysql://x",
            "openvoucher: OPENVOUCHER_DATABASE_URL (--database-url) starts",
        ),
    ],
)
def test_a_wrong_variable_is_named(
    variable: str, text: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, text)
    assert main(["serve"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(said)
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.fixture
def command_that(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes `openvoucher keys` raise something."""

    def install(error: BaseException) -> None:
        from openvoucher.cli import keys

        def run(_arguments: argparse.Namespace) -> int:
            raise error

        monkeypatch.setattr(keys, "run", run)

    return install


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (CommandFailed("There is no file."), 1, "openvoucher: There is no file.\n"),
        (DatabaseUnavailable("It is away."), 1, "openvoucher: It is away.\n"),
        (KeyboardInterrupt(), 130, "openvoucher: interrupted\n"),
        (StopRequested(), 130, "openvoucher: interrupted\n"),
    ],
)
def test_what_an_operator_can_put_right_is_said_in_one_line(
    command_that: Callable[[BaseException], None],
    error: BaseException,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command_that(error)
    assert main(["keys"]) == code
    assert capsys.readouterr().err == said


def test_a_fault_of_ours_keeps_its_traceback(command_that: Callable[[BaseException], None]) -> None:
    command_that(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["keys"])


def test_it_runs_as_a_module() -> None:
    done = run_openvoucher("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"openvoucher {__version__}\n"
