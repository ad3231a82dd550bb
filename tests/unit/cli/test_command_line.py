"""The command line: one line a mistake, exit codes, closed streams, files that only the daemon needs."""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from reply_milter.cli import main
from reply_milter.config import ConfigError
from reply_milter.wiring.stores import load_to_run
from tests.support.shell import UNNAMED, Shell


@pytest.mark.parametrize(
    "words",
    [
        ["frobnicate"],
        ["mint"],
        ["mint", "--handler", "issue", "--user", "1", "--at", "yesterday"],
        ["mint", "--handler", "issue", "--user", "1", "--context", "1", "--locator", "a"],
        ["explain"],
        ["commit"],
        ["verify-header"],
        ["verify-header", "x", "--config", "a", "--seal-key", "b"],
        ["init"],
    ],
)
def test_wrong_command_line_is_one_line(shell: Shell, words: Sequence[str]) -> None:
    """EX_USAGE, and where to find help."""
    status, line = shell.refused(*words)
    assert status == os.EX_USAGE
    assert "--help" in line


@pytest.mark.parametrize("words", [[], ["--help"], ["mint", "--help"], ["--version"]])
def test_help_and_version_are_reported(shell: Shell, words: Sequence[str]) -> None:
    """On standard output."""
    assert "reply-milter" in shell.good(*words)


def test_without_a_word_all_commands_are_listed(shell: Shell) -> None:
    """As ``--help`` does."""
    assert shell.good() == shell.good("--help")


@pytest.mark.parametrize(
    "words",
    [
        ["mint", "--handler", "issue", "--user", "1", "--locator", "a"],
        ["explain", "a@b"],
        ["commit", "a" * 26],
        ["verify-header", "x.eml"],
        ["doctor"],
    ],
)
def test_missing_configuration_is_one_line(shell: Shell, words: Sequence[str]) -> None:
    """EX_CONFIG, with the file's name."""
    status, line = shell.refused(*words, "--config", "/nowhere/x.toml")
    assert status == os.EX_CONFIG
    assert "/nowhere/x.toml: No such file or directory" in line


def test_every_mistake_of_a_configuration_is_a_line(shell: Shell) -> None:
    """With file, key and reason."""
    shell.edit('level = "info"', 'level = "loud"')
    shell.edit("validity_days = 90", "validity_days = 0")
    status, out, err = shell.run("explain", "a@b", "--config", shell.config)
    assert (status, out) == (os.EX_CONFIG, "")
    assert [line.split(": ")[2] for line in err.splitlines()] == ["log.level", "handler[1].validity_days"]


def test_a_configuration_that_is_no_file_is_refused_at_once(shell: Shell) -> None:
    """A pipe would be waited for, for ever: a reload would block the daemon."""
    os.mkfifo(shell.folder / "pipe")
    for path in (shell.folder / "pipe", Path(os.devnull)):
        status, line = shell.refused("explain", "a@b", "--config", str(path))
        assert (status, line) == (os.EX_CONFIG, f"reply-milter: {path}: is not a file\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_are_no_traceback(shell: Shell, closed: str) -> None:
    """What can't be written is an error, in one line where there is a place for it; nothing else suffers."""
    command = f"exec {sys.executable} -m reply_milter explain a@b --config {shell.config} {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd="/")
    writable = closed in ("2>&-", "<&-")
    assert done.returncode == (1 if writable else os.EX_IOERR)
    assert bool(done.stdout) is writable
    told = closed == ">&-"
    assert done.stderr == ("reply-milter: output: Bad file descriptor\n" if told else "")


@pytest.mark.parametrize(
    "url", ["redis://[bad", "redis://h:port/0", "redis://h:99999/0", "unix:x", UNNAMED, "redis://h?x=1", "mysql://h"]
)
def test_store_that_can_not_be_reached_by_its_name_is_refused(shell: Shell, url: str) -> None:
    """When the file is read, not when the store is first needed; a URL may hold a password, and is not shown."""
    shell.edit('url = "embedded"', f'url = "{url}"')
    status, line = shell.refused("explain", "a@b", "--config", shell.config)
    assert (status, "store.url: " in line, url in line) == (os.EX_CONFIG, True, False)


def test_commands_for_an_emergency_need_nothing_of_the_metrics_page(shell: Shell) -> None:
    """Keys are retired and addresses explained while its certificate, or a plug-in, is gone; the daemon says so."""
    page = 'tls_cert = "/nowhere/page.pem"\ntls_key = "/nowhere/page.key"'
    shell.edit("[metrics]", f"[metrics]\n{page}")
    Path(shell.config).write_text(
        Path(shell.config).read_text() + '\n[handler.delivery]\ntype = "gone"\n[delivery]\nlisten = ""\n'
    )
    shell.good("keys", "add", "--config", shell.config)
    shell.good("keys", "promote", "k2", "--config", shell.config)
    shell.run("keys", "retire", "k1", "--stolen", "--config", shell.config)
    assert "retired" in shell.run("keys", "list", "--config", shell.config)[1]
    shell.mint("--user", "42", "--locator", "a/1")
    with pytest.raises(ConfigError) as refused:
        load_to_run(shell.config)
    assert [problem.split(": ")[1] for problem in refused.value.problems] == ["handler issue", "metrics.tls_key"]


def test_open_key_file_is_refused(shell: Shell) -> None:
    """Before anything is done with it."""
    (shell.folder / "keys.toml").chmod(0o644)
    status, line = shell.refused("explain", "a@b", "--config", shell.config)
    assert status == os.EX_CONFIG
    assert "keys.toml: has mode 0644" in line


FIRST_IMPORT = """
import os, signal, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "reply_milter.cli":
            print(signal.getsignal(signal.SIGHUP).name, flush=True)
            os._exit(0)

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # also under nohup
import reply_milter.__main__
sys.meta_path.insert(0, Watch())
reply_milter.__main__.main()
"""


@pytest.mark.parametrize("command,wanted", [("run", "SIG_IGN"), ("mint", "SIG_DFL")])
def test_a_daemon_is_not_hung_up_while_its_modules_are_read(command: str, wanted: str) -> None:
    """That takes half a second, in which a service manager may already send SIGHUP. Other commands end on it."""
    done = subprocess.run([sys.executable, "-c", FIRST_IMPORT, command], capture_output=True, text=True)
    assert done.stdout == f"{wanted}\n"
    (script,) = entry_points(group="console_scripts", name="reply-milter")
    assert script.value == "reply_milter.__main__:main"


@pytest.mark.parametrize("written", ["x", "1_000", "\u0664\u0662", "1.5", "", "9" * 5000])
def test_what_is_no_number_is_reported_in_words(capsys: pytest.CaptureFixture[str], written: str) -> None:
    """Not in those of Python, which takes some of these for numbers."""
    with pytest.raises(SystemExit) as ended:
        main(["revoke", "before", written, "--config", "/nowhere"])
    assert ended.value.code == os.EX_USAGE
    told = capsys.readouterr().err
    assert told.startswith("reply-milter revoke before: argument UNIX: must be a whole number, not ")
    assert told.count("\n") == 1


@pytest.mark.parametrize("command", ["mint", "deliver"])
def test_a_command_loads_no_other(command: str) -> None:
    """An MTA starts ``deliver`` for each reply: it does not pay for the examination and the demo."""
    program = f"""
import sys
from reply_milter.cli import parser
parser({command!r})
print(*(name for name in sys.modules if name.startswith("reply_milter.cli.")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    loaded = done.stdout.split()
    assert f"reply_milter.cli.{command}" in loaded
    assert not {"reply_milter.cli.doctor", "reply_milter.cli.demo", "reply_milter.cli.postfix"}.intersection(loaded)
