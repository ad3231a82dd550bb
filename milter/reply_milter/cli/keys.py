"""``keys``: rotate master keys without an outage."""

import argparse
import json
import os
import sys
from collections.abc import Callable

from reply_milter.adapters.keyfile import KeyFileError, exclusive, new_secret, save_master_keys
from reply_milter.adapters.wall_clock import WallClock
from reply_milter.app import load, open_registry
from reply_milter.cli.errors import CommandError
from reply_milter.cli.options import add_command, add_config, add_json
from reply_milter.cli.store_access import settings_with_store
from reply_milter.cli.times import moment
from reply_milter.core import key_rotation
from reply_milter.core.key_rotation import Keys, RotationError, last_expiry
from reply_milter.core.keyring import KeyState
from reply_milter.settings import Settings

_RELOAD = "reload the daemon on every host (SIGHUP) for it to take effect"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its deeds."""
    deeds = add_command(commands, "keys", _list, "list, add, promote and retire master keys").add_subparsers(
        metavar="DEED", required=True
    )
    for name, action, text in (
        ("list", _list, "what each key does, when it was last used, and when its last address expires"),
        ("add", _add, "make a new key, which only verifies until it is promoted"),
        ("promote", _promote, "let a key mint; the one that did so far goes on verifying"),
        ("retire", _retire, "verify nothing with a key any more"),
    ):
        parser = add_command(deeds, name, action, text)
        if name in ("promote", "retire"):
            parser.add_argument("id", metavar="ID")
        add_config(parser)
        add_json(parser)


def _list(options: argparse.Namespace) -> int:
    settings = load(options.config)
    try:
        with settings_with_store(options):
            used = open_registry(settings.config).key_use()
    except CommandError as error:  # the keys themselves are in a file
        print(f"reply-milter: when keys were last used is not known: {error}", file=sys.stderr)
        used = {}
    rows = _rows(settings, used)
    if options.json:
        print(json.dumps(rows))
        return os.EX_OK
    line = "{:<16} {:<8} {:<22} {:<22}"
    print(line.format("KEY", "STATE", "LAST USED", "LAST ADDRESS EXPIRES").rstrip())
    for row in rows:
        used_at, expires = moment(_int(row["last_used"])), moment(_int(row["last_expires"]))
        print(line.format(str(row["id"]), str(row["state"]), used_at, expires).rstrip())
    return os.EX_OK


def _rows(settings: Settings, used: dict[str, int]) -> list[dict[str, object]]:
    now, longest = WallClock().now(), settings.config.handlers.longest_validity_days
    return [
        {
            "id": key.id,
            "state": key.state.value,
            "last_used": used.get(key.id),
            "last_expires": last_expiry(key, now, longest),
        }
        for key in settings.keyring.keys
    ]


def _add(options: argparse.Namespace) -> int:
    keys = _change(options, lambda keys: key_rotation.add(keys, new_secret())).keyring.keys
    _tell(options, keys[-1].id, KeyState.VERIFY, f"added {keys[-1].id}: it verifies and does not mint yet; {_RELOAD}")
    return os.EX_OK


def _promote(options: argparse.Namespace) -> int:
    _change(options, lambda keys: key_rotation.promote(keys, options.id, WallClock().now()))
    _tell(options, options.id, KeyState.ACTIVE, f"{options.id} mints from now on; {_RELOAD}")
    return os.EX_OK


def _retire(options: argparse.Namespace) -> int:
    settings = _change(options, lambda keys: key_rotation.retire(keys, options.id))
    words = f"{options.id} is retired; {_RELOAD}"
    row = next(row for row in _rows(settings, {}) if row["id"] == options.id)
    if (_int(row["last_expires"]) or 0) > WallClock().now():
        words += (
            f". Until {moment(_int(row['last_expires']))} there may be addresses that it minted: they are forged now"
        )
    _tell(options, options.id, KeyState.RETIRED, words)
    return os.EX_OK


def _change(options: argparse.Namespace, change: Callable[[Keys], Keys]) -> Settings:
    """Change the key file, alone; returns the settings with what is in it now."""
    path = load(options.config).keys_path
    try:
        with exclusive(path):
            settings = load(options.config)
            save_master_keys(path, change(settings.keyring.keys))
            return load(options.config)
    except RotationError as error:
        raise CommandError(os.EX_DATAERR, str(error)) from error
    except KeyFileError as error:
        raise CommandError(os.EX_CANTCREAT, "; ".join(error.problems)) from error


def _tell(options: argparse.Namespace, identifier: str, state: KeyState, words: str) -> None:
    print(json.dumps({"id": identifier, "state": state.value}) if options.json else words)


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None
