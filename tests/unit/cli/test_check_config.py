"""``check-config``: every mistake with its line, what was probably meant, and what the daemon would take."""

import json
import os
import shutil
import tomllib
from pathlib import Path

import pytest

from reply_milter.cli import main
from tests.support.shell import Shell

LEVELS = """must be one of "debug", "info", "warning", "error", not 'loud'"""


def _line_of(shell: Shell, start: str) -> int:
    lines = Path(shell.config).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith(start))


def test_a_good_configuration_is_said_to_be_good(shell: Shell) -> None:
    """Exit status 0, and as JSON."""
    assert shell.good("check-config", "--config", shell.config) == f"{shell.config}: no mistakes\n"
    told = json.loads(shell.good("check-config", "--json", "--config", shell.config))
    assert told == {"file": shell.config, "valid": True, "errors": [], "warnings": []}


def test_every_mistake_has_its_line(shell: Shell) -> None:
    """As FILE:LINE: key: reason; of a key that is missing, the line of its table."""
    shell.edit('level = "info"', 'level = "loud"')
    shell.edit("settle_ms = 200", "setle_ms = 200")
    shell.edit('name = "issue"', "")
    status, out, err = shell.run("check-config", "--config", shell.config)
    assert (status, out) == (os.EX_CONFIG, "")
    start = f"reply-milter: {shell.config}"
    assert err.splitlines() == [
        f"{start}:{_line_of(shell, 'setle_ms')}: replay.setle_ms: unknown key; did you mean settle_ms?",
        f"{start}:{_line_of(shell, 'level')}: log.level: {LEVELS}",
        f"{start}:{_line_of(shell, '[[handler]]')}: handler[1].name: is missing",
    ]
    status, out, err = shell.run("check-config", "--json", "--config", shell.config)
    told = json.loads(out)
    assert (status, told["valid"], len(told["errors"]), err) == (os.EX_CONFIG, False, 3, "")


def test_what_is_no_toml_has_its_line(shell: Shell) -> None:
    """In the words of the reader, behind it."""
    shell.edit('level = "info"', "level = info")
    status, line = shell.refused("check-config", "--config", shell.config)
    assert status == os.EX_CONFIG
    assert line.startswith(f"reply-milter: {shell.config}:{_line_of(shell, 'level')}: not valid TOML: ")


@pytest.mark.parametrize(
    "old,new,said",
    [
        ("[metrics]", '[metrics]\ntls_cert = "/nowhere/page.pem"\ntls_key = "/nowhere/page.key"', "metrics.tls_key: "),
        ('url = "embedded"', 'url = "redis://h:port/0"', "store.url: "),
        ('file = "', 'file = "/nowhere', "keys.file: /nowhere"),
    ],
)
def test_files_that_only_the_daemon_needs_are_looked_at(shell: Shell, old: str, new: str, said: str) -> None:
    """Other commands do without; a reload would not."""
    shell.edit(old, new)
    status, _, err = shell.run("check-config", "--config", shell.config)
    line = _line_of(shell, said.split(":")[0].split(".")[1])
    assert status == os.EX_CONFIG
    assert f"{shell.config}:{line}: {said}" in err


def test_a_warning_is_no_mistake(shell: Shell) -> None:
    """It has its line, too, and goes to standard error."""
    shell.edit("# [sign]\n", '[sign]\ntrusted = ["127.0.0.1"]\nsocket_group = ""\n')
    status, out, err = shell.run("check-config", "--config", shell.config)
    assert (status, out) == (os.EX_OK, f"{shell.config}: no mistakes\n")
    lines = err.splitlines()
    assert lines[0].startswith(
        f"reply-milter: warning: {shell.config}:{_line_of(shell, 'trusted')}: sign.trusted: any user"
    )
    assert len(json.loads(shell.run("check-config", "--json", "--config", shell.config)[1])["warnings"]) == len(lines)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_reads_as_the_daemon(shell: Shell, tmp_path: Path) -> None:
    """What root alone can read, the daemon can't; without a state folder nobody knows who that is."""
    state = tmp_path / "state"
    shell.good("check-config", "--config", shell.config)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/tmp/") and folder != Path("/tmp"):  # noqa: S108 # pytest's, closed to others
            folder.chmod(0o755)
    state.mkdir()
    shutil.chown(state, "nobody")
    status, _, err = shell.run("check-config", "--config", shell.config)
    assert (status, os.geteuid()) == (os.EX_CONFIG, 0)
    assert f"keys.file: {shell.folder}/keys.toml: Permission denied" in err
    for name in ("keys.toml", "seal.key"):
        shutil.chown(shell.folder / name, "nobody")
    shell.good("check-config", "--config", shell.config)


def test_a_byte_order_mark_is_named(shell: Shell) -> None:
    """Nobody sees it in an editor; the reader of TOML says "invalid statement"."""
    path = Path(shell.config)
    path.write_text("\ufeff" + path.read_text(), encoding="utf-8")
    status, line = shell.refused("check-config", "--config", shell.config)
    said = f"{shell.config}:1: begins with a byte order mark, which TOML does not have: save it without one"
    assert (status, line) == (os.EX_CONFIG, f"reply-milter: {said}\n")


@pytest.mark.parametrize("old,new", [("[log]", "# old\r[log]"), ("[log]", "\r[log]"), ("[log]\n", "[log]\r\r\n")])
def test_a_carriage_return_alone_ends_no_line(shell: Shell, old: str, new: str) -> None:
    """TOML has none, so what an editor shows as a comment would be a setting; with a line feed it is a line's end."""
    path = Path(shell.config)
    line = _line_of(shell, "[log]")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert shell.good("check-config", "--config", shell.config) == f"{shell.config}: no mistakes\n"
    text = path.read_bytes().decode().replace("\r\n", "\n").replace(f"\n{old}", f"\n{new}")
    path.write_bytes(text.encode())
    with pytest.raises(tomllib.TOMLDecodeError, match=f"at line {line},"):
        tomllib.loads(text)
    status, told = shell.refused("check-config", "--config", shell.config)
    said = "has a carriage return without a line feed, which TOML does not have: save it with Unix line ends"
    assert (status, told) == (os.EX_CONFIG, f"reply-milter: {shell.config}:{line}: {said}\n")


def test_a_file_that_is_not_there(shell: Shell) -> None:
    """One line, as everywhere."""
    status, line = shell.refused("check-config", "--config", "/nowhere/x.toml")
    assert (status, line) == (os.EX_CONFIG, "reply-milter: /nowhere/x.toml: No such file or directory\n")


def test_the_hooks_own_handler_is_listed_where_it_is_configured(shell: Shell) -> None:
    """A table [delivery] alone brings it; nobody wrote its name then."""
    words = ("mint", "--handler", "x", "--user", "1", "--locator", "a", "--config", shell.config)
    path = Path(shell.config)
    path.write_text(f'{path.read_text()}\n[delivery]\nlisten = ""\n')
    assert shell.refused(*words)[1].endswith("there is no handler 'x'; configured are: issue\n")
    path.write_text(f"{path.read_text()}[delivery.confirm]\ndays = 3\n")
    assert shell.refused(*words)[1].endswith("there is no handler 'x'; configured are: confirm, issue\n")
    assert main(["mint", "--handler", "confirm", "--user", "1", "--context", "1", "--config", shell.config]) == os.EX_OK
