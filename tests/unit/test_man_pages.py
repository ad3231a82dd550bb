"""The man pages tell of every command, option, exit status and configuration key that there is, and of no other."""

import argparse
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter import config
from reply_milter.adapters import keyfile
from reply_milter.cli import parser
from reply_milter.config.destinations import KINDS
from reply_milter.core.encoding import toml_table
from reply_milter.core.wrapping.presets import PRESETS
from reply_milter.wiring.settings import FIXED

_ROOT = Path(__file__).parents[2]
_COMMANDS = (_ROOT / "docs/man/reply-milter.8").read_text()
_KEYS = (_ROOT / "docs/man/reply-milter.toml.5").read_text()
_EVERYWHERE = {"--help", "-h", "--config", "--json", "--at", "--version"}  # told once, under OPTIONS


def _leaves(command: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command that does something, with its name in words."""
    below = [action for action in command._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield name, command
    for action in below:
        for word, sub in action.choices.items():
            yield from _leaves(sub, f"{name} {word}".strip())


def _items(page: str) -> list[str]:
    """Return the heads of list items."""
    return re.findall(r"(?m)^\.It (.*)$", page)


def _documented_commands() -> dict[str, str]:
    """Commands and what stands behind each in the head of its item."""
    told: dict[str, str] = {}
    section = _COMMANDS.split(".Sh COMMANDS")[1].split(".Sh ")[0]
    for head in _items(section):
        told |= dict(re.findall(r"Ic ([a-z-]+(?: [a-z]+){0,2})((?:(?! Ic ).)*)", head))
    return told


LEAVES = dict(_leaves(parser()))


def test_every_command_is_documented_and_no_other() -> None:
    """By its words, as one types them."""
    assert set(_documented_commands()) == set(LEAVES)


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_is_documented_and_no_other(name: str) -> None:
    """With its command; those that many have, once."""
    options = {text for action in LEAVES[name]._actions for text in action.option_strings}
    told = {f"-{word}" for word in re.findall(r"Fl (\S+)", _documented_commands()[name])}
    assert options - _EVERYWHERE == told - _EVERYWHERE
    assert told <= options


def test_options_of_many_commands_are_documented_once() -> None:
    """Under OPTIONS."""
    section = _COMMANDS.split(".Sh OPTIONS")[1].split(".Sh ")[0]
    assert {f"-{word}" for head in _items(section) for word in re.findall(r"Fl (\S+)", head)} == _EVERYWHERE


def test_every_exit_status_is_documented() -> None:
    """The codes of sysexits.h that any command ends with."""
    text = "".join(path.read_text() for path in (_ROOT / "milter/reply_milter").rglob("*.py"))
    theirs = (_ROOT / "milter/reply_milter/adapters/handlers/command.py").read_text()  # how an operator's program ends
    used = {getattr(os, name) for name in re.findall(r"os\.(EX_[A-Z]+)", text.replace(theirs, ""))} - {0}
    section = _COMMANDS.split(".Sh EXIT STATUS")[1]
    assert {int(head) for head in _items(section)} == used


_FULL = """
realm = "x"
[address]
mint_domain = "reply.example.com"
[verify]
socket_group = ""
[sign]
socket_group = ""
[[sign.application]]
name = "shop"
handlers = ["issue"]
logins = ["shop"]
[delivery]
socket_group = ""
[[handler]]
id = 1
name = "issue"
[handler.delivery]
type = "webhook"
url = "http://127.0.0.1/"
[[handler]]
id = 2
name = "b"
[handler.delivery]
type = "command"
argv = ["/bin/true"]
[[handler]]
id = 3
name = "c"
[handler.delivery]
type = "maildir"
path = "/var/mail/replies"
[[handler]]
id = 4
name = "d"
[handler.delivery]
type = "lmtp"
address = "inet:24@127.0.0.1"
[[handler]]
id = 5
name = "e"
[handler.delivery]
type = "smtp"
address = "inet:25@127.0.0.1"
[[handler]]
id = 6
name = "f"
context = "wrapped"
[handler.wrap]
application = "redmine"
address = "redmine@redmine.example.com"
from = ["redmine@redmine.example.com"]
copies = ["archive@example.com"]
open = ["redmine+new@redmine.example.com"]
bounces = []
[handler.delivery]
type = "maildir"
path = "/var/mail/redmine"
[[handler]]
id = 7
name = "g"
context = "wrapped"
[handler.wrap]
application = "gitea"
address = "incoming+{key}@git.example.com"
native = "verify"
outward = false
[handler.verify]
type = "gitea"
source = "sqlite:/var/lib/gitea/gitea.db"
query = "SELECT rands AS secret FROM user WHERE id = :user"
[handler.delivery]
type = "discourse"
url = "https://talk.example.com"
api_key_file = "/etc/reply-milter/discourse.key"
[[handler]]
id = 8
name = "h"
[handler.delivery]
type = "mail_room"
url = "https://gitlab.example.com"
secret_file = "/etc/gitlab/mail_room.secret"
[[imap]]
name = "gmail"
url = "imaps://imap.gmail.com"
user = "inbound@example.com"
auth = "xoauth2"
[imap.oauth2]
token_url = "https://oauth2.googleapis.com/token"
client_id = "id"
refresh_token_file = "/var/lib/reply-milter/refresh"
"""


def _asked_for(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every key that the configuration's reader asks for."""
    asked: set[str] = set()
    take = toml_table.Table.take

    def taking(table: toml_table.Table, key: str, *rest: object) -> object:
        asked.add(re.sub(r"\[\d+\]", "", table.name(key)))
        return take(table, key, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(toml_table.Table, "take", taking)
        config.parse(_FULL)
        asked_of_config = set(asked)
        asked.clear()
        keyfile.parse_master_keys(f'[[key]]\nid = "k1"\nstate = "active"\nsecret = "{"0" * 64}"\n', "x")
    asked_of_config |= {f"keys.{name}" for name in asked}
    tables = {name for name in asked_of_config if any(other.startswith(f"{name}.") for other in asked_of_config)}
    return {name for name in asked_of_config - tables if not name.startswith("handler.policy.")} | {"handler.policy"}


def _documented_keys() -> set[str]:
    told = set()
    for section in re.split(r"(?m)^\.Sh ", _KEYS)[1:]:
        title, _, rest = section.partition("\n")
        table = re.sub(r"[][\\&]", "", title)
        if table not in ("TOP LEVEL", table.lower()):
            continue
        for head in _items(rest):
            names = re.findall(r"Ic (\S+)", head)
            told |= {name if table == "TOP LEVEL" else f"{table}.{name.strip('[]')}" for name in names}
    told |= {f"keys.key.{name}" for name in re.findall(r"(?m)^\.Sy (id|state|secret|minted_until)\b", _KEYS)}
    return {name.replace("handler.handler.", "handler.") for name in told}


def test_every_configuration_key_is_documented_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the section of its table; a handler's policy has the keys of [policy]."""
    assert _documented_keys() == _asked_for(monkeypatch)


def test_what_takes_a_restart_is_marked() -> None:
    """As the daemon's list of what it keeps has it."""
    section, marked = "", set()
    for line in _KEYS.splitlines():
        if line.startswith(".Sh "):
            section = re.sub(r"[][\\&]", "", line.removeprefix(".Sh "))
        if "(restart)" in line and line.startswith(".It "):
            marked |= {f"{section}.{name}" for name in re.findall(r"Ic (\S+)", line)}
    places = {"delivery": {"listen"}, "verify": {"socket"}, "sign": {"socket"}}
    sockets = {"socket_mode", "socket_group", "workers"}
    expected = {"TOP LEVEL.state_dir"}
    for table, keys in FIXED.items():
        for key in keys:
            names = places[table] | sockets if key == "place" else {key}
            expected |= {f"{table}.{name}" for name in names}
    assert marked == expected


def test_every_kind_of_destination_is_documented() -> None:
    """In the man page, and in the template as a comment."""
    text = _KEYS.split(".Sh [handler.delivery]")[1].split(".It Ic type\n")[1].split(".It ")[0]
    assert re.findall(r'"(\w+)"', text) == list(KINDS)
    template = (_ROOT / "milter/reply_milter/cli/reply-milter.toml").read_text()
    assert f"# one of {', '.join(KINDS)}, or a plug-in" in template


def test_every_preset_of_an_application_is_told_of() -> None:
    """By its name."""
    text = _KEYS.split(".Sh [handler.wrap]")[1].split(".It Ic application\n")[1].split("Required.")[0]
    assert re.findall(r'"(\w+)"', text) == list(PRESETS)


def test_the_example_is_a_configuration() -> None:
    """As it stands."""
    text = _KEYS.split(".Bd -literal -offset indent\n")[1].split(".Ed")[0]
    config.parse(text)
    assert tomllib.loads(text)["realm"] == "example"
