"""``keys``: rotate master keys without downtime."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from reply_milter.adapters.keyfile import KeyFileError, exclusive, new_secret, save_master_keys
from reply_milter.adapters.os.clock import WallClock
from reply_milter.cli.errors import CommandError
from reply_milter.cli.options import add_command, add_config, add_json
from reply_milter.cli.store_access import store_access
from reply_milter.cli.times import moment
from reply_milter.core.token import key_rotation
from reply_milter.core.token.key_rotation import Keys, LastExpiry, RotationError, last_expiry
from reply_milter.core.token.keyring import KeyState, MasterKey
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load, locate

_RELOAD = "reload the daemon on every host (SIGHUP) to make this effective"
_LATER = "Retire it then; or now with --force, or with --stolen if somebody else has the key"
_STOLEN = (
    "Whoever has it can open what wrapped addresses stand for, but mints no more; look for replies that users did not "
    "write, from before the reload"
)
_AGAIN = (
    "; under it, recipients of wrapped notifications have other pseudo-users: whatever `user set --of` put on file, and"
    " every `revoke address` that is to hold, must be repeated"
)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its deeds."""
    deeds = add_command(commands, "keys", _list, "list, add, promote and retire master keys").add_subparsers(
        metavar="DEED", required=True
    )
    for name, action, text in (
        ("list", _list, "what each key does, when it was last used, and when its last address expires"),
        ("add", _add, "make a new key, which only verifies until it is promoted"),
        ("promote", _promote, "let a key mint; the key that minted so far only verifies from now on"),
        ("retire", _retire, "no longer verify addresses with a key"),
    ):
        parser = add_command(deeds, name, action, text)
        if name in ("promote", "retire"):
            parser.add_argument("id", metavar="ID")
        if name == "retire":
            _add_reasons(parser)
        add_config(parser)
        add_json(parser)


def _add_reasons(parser: argparse.ArgumentParser) -> None:
    reasons = parser.add_mutually_exclusive_group()
    text = "also while addresses that it minted are valid: replies to them are refused from then on"
    reasons.add_argument("--force", action="store_true", help=text)
    reasons.add_argument("--stolen", action="store_true", help="the same, because somebody else has the key")


def _list(options: argparse.Namespace) -> int:
    settings = load(options.config)
    try:
        used = _used(options)
    except CommandError as error:  # the list itself needs only the key file
        print(f"reply-milter: it is not known when keys were last used: {error}", file=sys.stderr)
        used = {}
    rows = [_Row.of(key, settings, used) for key in settings.keyring.keys]
    if options.json:
        print(json.dumps([row.members() for row in rows]))
        return os.EX_OK
    line = "{:<16} {:<8} {:<22} {:<22}"
    print(line.format("KEY", "STATE", "LAST USED", "LAST ADDRESS EXPIRES").rstrip())
    for row in rows:
        print(line.format(row.key.id, row.key.state, moment(row.last_used), row.expiry_words()).rstrip())
    return os.EX_OK


@dataclass(frozen=True, slots=True)
class _Row:
    """The columns of one key. Times in Unix seconds."""

    key: MasterKey
    last_used: int | None
    expiry: LastExpiry

    @classmethod
    def of(cls, key: MasterKey, settings: Settings, used: dict[str, int]) -> "_Row":
        """Make the row. ``used``: when keys last verified a reply, by id."""
        longest = settings.config.handlers.longest_validity_days
        return cls(key, used.get(key.id), last_expiry(key, WallClock().now(), longest, was_used=key.id in used))

    def members(self) -> dict[str, object]:
        """Return the members of its JSON object."""
        return {
            "id": self.key.id,
            "state": self.key.state.value,
            "last_used": self.last_used,
            "last_expires": self.expiry.at,
            "last_expires_known": self.expiry.known,
        }

    def expiry_words(self) -> str:
        """Describe when the last address expires."""
        return f"{'' if self.expiry.known else 'unknown, at the latest '}{moment(self.expiry.at)}"


def _used(options: argparse.Namespace) -> dict[str, int]:
    with store_access(options) as access:
        return access.registry.key_use()


def _used_if_known(options: argparse.Namespace) -> dict[str, int]:
    """Return when keys were last used; nothing if the store does not answer, since keys must be changed even then."""
    try:
        return _used(options)
    except CommandError:
        return {}


def _add(options: argparse.Namespace) -> int:
    remembered = _used_if_known(options)
    settings = _change(options, lambda read: key_rotation.add(read.keyring.keys, new_secret(), remembered))
    keys, more = settings.keyring.keys, _AGAIN if settings.config.handlers.wrapped else ""
    _report(
        options,
        keys[-1].id,
        KeyState.VERIFY,
        f"added {keys[-1].id}: it verifies addresses but does not mint yet; {_RELOAD}{more}",
    )
    return os.EX_OK


def _promote(options: argparse.Namespace) -> int:
    _change(options, lambda read: key_rotation.promote(read.keyring.keys, options.id, WallClock().now()))
    _report(options, options.id, KeyState.ACTIVE, f"{options.id} mints from now on; {_RELOAD}")
    return os.EX_OK


def _retire(options: argparse.Namespace) -> int:
    used = _used_if_known(options)
    words = f"{options.id} is retired; {_RELOAD}"

    def change(settings: Settings) -> Keys:
        nonlocal words
        retired = key_rotation.retire(settings.keyring.keys, options.id)
        live = _live(next(_Row.of(key, settings, used) for key in settings.keyring.keys if key.id == options.id))
        if live and not (options.force or options.stolen):
            raise RotationError(f"{options.id} is not retired. {live}. {_LATER}")
        words += f". {live}: they are forged now" if live else ""
        return retired

    _change(options, change)
    if options.stolen:
        words += f". {_STOLEN}"
    _report(options, options.id, KeyState.RETIRED, words)
    return os.EX_OK


def _live(row: _Row) -> str:
    """Say until when addresses of a key are valid; empty if none is. A retired key has none."""
    if row.key.state is KeyState.RETIRED or (row.expiry.at or 0) <= WallClock().now():
        return ""
    unknown = "" if row.expiry.known else "When it last minted is not known. "
    until = f"{'U' if row.expiry.known else 'At the latest u'}ntil {moment(row.expiry.at)}"
    return f"{unknown}{until} there may be addresses that it minted"


def _change(options: argparse.Namespace, change: Callable[[Settings], Keys]) -> Settings:
    """Change the key file under its lock; return the settings with the new keys. Reads each file once."""
    located = locate(options.config)
    try:
        with exclusive(located.keys_path):
            settings = located.load()
            keys = change(settings)
            save_master_keys(located.keys_path, keys)
            return settings.with_keys(keys)
    except RotationError as error:
        raise CommandError(os.EX_DATAERR, str(error)) from error
    except KeyFileError as error:
        raise CommandError(os.EX_CANTCREAT, "; ".join(error.problems)) from error


def _report(options: argparse.Namespace, identifier: str, state: KeyState, words: str) -> None:
    print(json.dumps({"id": identifier, "state": state.value}) if options.json else words)
