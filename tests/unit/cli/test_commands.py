"""The commands: JSON fields that stay, one line on standard error, sysexits codes, no traceback."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from reply_milter.cli import main
from reply_milter.config import ConfigError
from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.seal.verdict_header import seal
from reply_milter.wiring import stores
from reply_milter.wiring.stores import load_to_run

AT = "1767225600"  # 2026-01-01T00:00:00Z
BODY = b"Yes.\r\n"
UNNAMED = "unix://"


@dataclass
class Shell:
    """Runs commands, as ``reply-milter`` does, in an installation made by ``init``."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    @property
    def config(self) -> str:
        """The configuration file."""
        return str(self.folder / "reply-milter.toml")

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""
        try:
            status = main(words)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        told = self.capture.readouterr()
        return status, told.out, told.err

    def good(self, *words: str) -> str:
        """The output of a command that succeeds and has nothing to complain about."""
        status, out, err = self.run(*words)
        assert (status, err) == (os.EX_OK, "")
        return out

    def refused(self, *words: str) -> tuple[int, str]:
        """Status and the one line of a command that fails and has no output."""
        status, out, err = self.run(*words)
        assert out == ""
        assert err.endswith("\n")
        assert err.count("\n") == 1
        assert err.startswith("reply-milter")
        assert "Traceback" not in err
        return status, err

    def mint(self, *words: str) -> Any:
        """What ``mint`` writes as JSON."""
        return json.loads(
            self.good("mint", "--config", self.config, "--handler", "issue", "--at", AT, "--json", *words)
        )

    def edit(self, old: str, new: str) -> None:
        """Change the configuration."""
        path = Path(self.config)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A fresh installation."""
    made = Shell(tmp_path / "etc", capsys)
    made.good("init", str(made.folder), "--domain", "reply.test", "--state-dir", str(tmp_path / "state"))
    return made


# The command line.


@pytest.mark.parametrize(
    "words",
    [
        [],
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


@pytest.mark.parametrize("words", [["--help"], ["mint", "--help"], ["--version"]])
def test_help_and_version_are_told(shell: Shell, words: Sequence[str]) -> None:
    """On standard output."""
    assert "reply-milter" in shell.good(*words)


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
    assert done.returncode == (os.EX_OK if writable else os.EX_IOERR)
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
    shell.run("keys", "retire", "k1", "--config", shell.config)
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


# init


def test_init_writes_a_configuration_that_works(shell: Shell) -> None:
    """With keys that only the owner can read."""
    assert stores.load(shell.config).config.form.mint_domain == "reply.test"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in shell.folder.iterdir()}
    assert modes["keys.toml"] == modes["seal.key"] == 0o600
    assert set(modes) == {"reply-milter.toml", "keys.toml", "seal.key"}


def test_init_makes_keys_that_nobody_else_can_read(shell: Shell, tmp_path: Path) -> None:
    """Whatever the umask is."""
    before = os.umask(0)
    try:
        shell.good("init", str(tmp_path / "wide"))
    finally:
        os.umask(before)
    assert {stat.S_IMODE((tmp_path / "wide" / name).stat().st_mode) for name in ("keys.toml", "seal.key")} == {0o600}


def test_init_draws_new_keys_each_time(shell: Shell, tmp_path: Path) -> None:
    """And says where they are."""
    assert str(tmp_path / "other" / "keys.toml") in shell.good("init", str(tmp_path / "other"))
    for name in ("keys.toml", "seal.key"):
        assert (tmp_path / "other" / name).read_text() != (shell.folder / name).read_text()


@pytest.mark.parametrize("name", ["reply-milter.toml", "keys.toml", "seal.key"])
def test_init_never_writes_over_anything(shell: Shell, tmp_path: Path, name: str) -> None:
    """Keys over keys would cost the addresses that are out already. All or nothing."""
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / name).write_text("mine")
    status, line = shell.refused("init", str(folder))
    assert status == os.EX_CANTCREAT
    assert name in line
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(name, "mine")]


def test_init_into_a_file_is_refused(shell: Shell) -> None:
    """With the system's reason."""
    assert shell.refused("init", f"{shell.config}/x")[0] == os.EX_CANTCREAT


@pytest.mark.parametrize("words", [["--domain", "no domain"], ["--domain", ""], ["--realm", "my realm"]])
def test_init_checks_its_names(shell: Shell, tmp_path: Path, words: Sequence[str]) -> None:
    """Nothing is written."""
    assert shell.refused("init", str(tmp_path / "new"), *words)[0] == os.EX_USAGE
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb"])
def test_folder_that_toml_can_not_name_is_refused(shell: Shell, tmp_path: Path, name: str) -> None:
    """As where the configuration goes, and as where the state goes: nothing is written."""
    assert shell.refused("init", str(tmp_path / name))[0] == os.EX_USAGE
    assert shell.refused("init", str(tmp_path / "new"), "--state-dir", name)[0] == os.EX_USAGE
    assert not (tmp_path / name).exists()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("domain", ['a"b', "a_b!", "a..b"])
def test_domain_that_the_configuration_would_not_take_is_refused(shell: Shell, tmp_path: Path, domain: str) -> None:
    """What init writes, run must read."""
    status, _, _ = shell.run("init", str(tmp_path / "new"), "--domain", domain, "--realm", "x")
    if status == os.EX_OK:
        stores.load(str(tmp_path / "new" / "reply-milter.toml"))


# mint and explain


def test_minted_address_is_explained(shell: Shell) -> None:
    """The fields that scripts rely on."""
    made = shell.mint("--user", "42", "--locator", "a/b", "--to", "jane@example.org")
    assert set(made) == {"address", "message_id", "issued", "expires", "handler", "user", "context"}
    assert (made["user"], made["handler"], made["issued"]) == (42, "issue", int(AT))
    assert made["message_id"].startswith(f"<a/b/{AT}.")
    told = json.loads(shell.good("explain", made["address"], "--at", AT, "--json", "--config", shell.config))
    shared = {name: told[name] for name in ("issued", "expires", "handler", "user", "context")}
    assert shared == {name: made[name] for name in shared}
    assert (told["valid"], told["reason"], told["version"], told["bound"], told["key"]) == (True, "ok", 1, True, "k1")
    assert isinstance(told["context"], str)


def test_integer_handler_takes_a_context(shell: Shell) -> None:
    """There is no Message-ID then."""
    shell.edit('context = "thread"', 'context = "integer"')
    made = shell.mint("--user", "1", "--context", str(2**55 - 1))
    assert (made["context"], made["message_id"]) == (str(2**55 - 1), None)


def test_range_of_users_is_a_line_each(shell: Shell) -> None:
    """JSON Lines."""
    words = ("--handler", "issue", "--user", "7..9", "--message-id", "<a@b>", "--json", "--config", shell.config)
    lines = [json.loads(line) for line in shell.good("mint", *words).splitlines()]
    assert [line["user"] for line in lines] == [7, 8, 9]
    assert len({line["address"] for line in lines}) == 3


@pytest.mark.parametrize(
    "words,said",
    [
        (["--handler", "forum", "--user", "1", "--context", "1"], "configured are: issue"),
        (["--handler", "issue", "--user", "x", "--locator", "a"], "--user must be"),
        (["--handler", "issue", "--user", "9..7", "--locator", "a"], "before the first"),
        (["--handler", "issue", "--user", str(2**40), "--locator", "a"], "user id"),
        (["--handler", "issue", "--user", "1"], "Message-ID"),
        (["--handler", "issue", "--user", "1", "--context", "1"], "thread"),
        (["--handler", "issue", "--user", "1", "--locator", "a b"], "locator"),
        (["--handler", "issue", "--user", "1", "--locator", "a", "--to", "jane"], "recipient"),
        (["--handler", "issue", "--user", "1", "--locator", "a", "--at", "0"], "2025-01-01"),
    ],
)
def test_what_can_not_be_minted_is_refused(shell: Shell, words: Sequence[str], said: str) -> None:
    """EX_USAGE, and what to ask for instead."""
    status, line = shell.refused("mint", *words, "--config", shell.config)
    assert status == os.EX_USAGE
    assert said in line


@pytest.mark.parametrize(
    "address,reason",
    [("bob@example.org", "ordinary"), ("reply+x@reply.test", "malformed"), ("", "ordinary"), ("\udcff", "ordinary")],
)
def test_bad_address_is_explained(shell: Shell, address: str, reason: str) -> None:
    """Explaining is no failure."""
    told = json.loads(shell.good("explain", address, "--json", "--config", shell.config))
    assert (told["valid"], told["reason"]) == (False, reason)
    assert reason in shell.good("explain", address, "--config", shell.config)


@pytest.mark.parametrize(
    "at,reason", [(str(int(AT) + 90 * 86400), "expired"), (str(int(AT) - 301), "forged"), ("0", "forged")]
)
def test_address_is_explained_at_another_time(shell: Shell, at: str, reason: str) -> None:
    """``--at``."""
    made = shell.mint("--user", "1", "--locator", "a")
    told = json.loads(shell.good("explain", made["address"], "--at", at, "--json", "--config", shell.config))
    assert (told["valid"], told["reason"]) == (False, reason)


# check


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("lines,verdict", [(1000, "accept"), (2000, "reject")])
def test_line_ends_count_as_on_the_way(shell: Shell, lines: int, verdict: str, end: str) -> None:
    """4,000 octets in a file with LF are 6,000 in SMTP, and too many."""
    shell.edit("max_message_bytes = 26214400", "max_message_bytes = 5000")
    made = shell.mint("--user", "1", "--locator", "a")
    header = ["From: a@b.example", f"In-Reply-To: {made['message_id']}", "", ""]
    path = shell.folder / "m.eml"
    path.write_bytes((end.join(header) + f"x{end}" * lines).encode())
    words = (
        "check",
        "--rcpt",
        made["address"],
        "--from",
        "a@b.example",
        "--at",
        AT,
        "--json",
        "--config",
        shell.config,
    )
    status, out, err = shell.run(*words, str(path))
    assert (json.loads(out)["verdict"], status, err) == (verdict, int(verdict != "accept"), "")


# verify-header


def message(shell: Shell, body: bytes = BODY, verdicts: int = 1, tag: str = "") -> str:
    """A file with a message that bears sealed verdicts."""
    digest = BodyDigest()
    digest.feed(BODY)
    key = bytes.fromhex((shell.folder / "seal.key").read_text().strip())
    value = seal([("v", "1"), ("result", "pass"), ("user", "42"), ("body", tag or digest.text())], key)
    path = shell.folder / "message.eml"
    path.write_bytes(f"X-Reply-Verdict: {value}\r\n".encode() * verdicts + b"From: a@b\r\n\r\n" + body)
    return str(path)


@pytest.mark.parametrize("by_key", [True, False])
def test_sealed_verdict_is_opened(shell: Shell, by_key: bool) -> None:
    """With the configuration, or with the seal key alone: all that a hook needs."""
    how = ["--seal-key", str(shell.folder / "seal.key")] if by_key else ["--config", shell.config]
    tags = json.loads(shell.good("verify-header", message(shell), *how))
    assert (tags["v"], tags["result"], tags["user"]) == ("1", "pass", "42")


@pytest.mark.parametrize("body", [b"Yes.\n", b"Y\r\n es.", b"Yes.\r\n\r\n"])
def test_rewrapped_body_fits_its_seal(shell: Shell, body: bytes) -> None:
    """Mail clients of the MTA wrap long lines."""
    shell.good("verify-header", message(shell, body), "--config", shell.config)


@pytest.mark.parametrize(
    "verdicts,body,tag,word",
    [(0, BODY, "", "missing"), (2, BODY, "", "doubled"), (1, b"No.\r\n", "", "broken"), (1, BODY, "x" * 26, "broken")],
)
def test_verdict_that_can_not_be_trusted_is_exit_1(
    shell: Shell, verdicts: int, body: bytes, tag: str, word: str
) -> None:
    """Missing, doubled, or not about this body."""
    status, line = shell.refused("verify-header", message(shell, body, verdicts, tag), "--config", shell.config)
    assert status == 1
    assert word in line


def test_message_is_read_from_standard_input(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a pipe would have it."""
    octets = Path(message(shell)).read_bytes()
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(octets)))
    assert json.loads(shell.good("verify-header", "-", "--config", shell.config))["user"] == "42"


def test_files_that_can_not_be_read_are_one_line(shell: Shell) -> None:
    """EX_NOINPUT for the message, EX_CONFIG for the key."""
    status, line = shell.refused("verify-header", "/nowhere.eml", "--config", shell.config)
    assert (status, "/nowhere.eml: No such file" in line) == (os.EX_NOINPUT, True)
    assert shell.refused("verify-header", str(shell.folder), "--config", shell.config)[0] == os.EX_NOINPUT
    status, line = shell.refused("verify-header", message(shell), "--seal-key", "/nowhere.key")
    assert (status, "/nowhere.key: No such file" in line) == (os.EX_CONFIG, True)


# commit


@pytest.mark.parametrize("identifier", ["", "x", "A" * 26, "a" * 25, "a" * 27, "1" * 26, "\u212a" * 26])
def test_commit_of_no_id_is_refused(shell: Shell, identifier: str) -> None:
    """Without asking the store."""
    assert shell.refused("commit", identifier, "--config", shell.config)[0] == os.EX_USAGE


def test_commit_without_a_store_may_be_tried_again(shell: Shell, tmp_path: Path) -> None:
    """EX_TEMPFAIL: a pipe(8) hook defers on it."""
    shell.edit('url = "embedded"', f'url = "unix://{tmp_path}/none.sock"')
    status, line = shell.refused("commit", "a" * 26, "--config", shell.config)
    assert status == os.EX_TEMPFAIL
    assert "the store gave no answer" in line


@pytest.mark.parametrize("written", ["x", "1_000", "\u0664\u0662", "1.5", "", "9" * 5000])
def test_what_is_no_number_is_told_in_words(capsys: pytest.CaptureFixture[str], written: str) -> None:
    """Not in those of Python, which takes some of these for numbers."""
    with pytest.raises(SystemExit) as ended:
        main(["revoke", "before", written, "--config", "/nowhere"])
    assert ended.value.code == os.EX_USAGE
    told = capsys.readouterr().err
    assert told.startswith("reply-milter revoke before: argument UNIX: must be a whole number, not ")
    assert told.count("\n") == 1
