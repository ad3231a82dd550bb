"""``user``: a user's record: addresses to write from, and whether replies are accepted."""

import argparse
import json
import os

from reply_milter.cli.errors import CommandError
from reply_milter.cli.options import add_command, add_config, add_json, whole_number
from reply_milter.cli.store_access import store_access
from reply_milter.cli.times import moment
from reply_milter.cli.user_import import import_users
from reply_milter.core.mail.domain import normalise
from reply_milter.core.token.token import USER_LIMIT
from reply_milter.ports import UserChange, UserRecord


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its deeds."""
    deeds = add_command(commands, "user", _show, "addresses on file, and disabling").add_subparsers(
        metavar="DEED", required=True
    )
    put = add_command(deeds, "set", _set, "put a user on file; without --address, the addresses on file stay")
    put.add_argument("--address", metavar="A", action="append", default=[], help="an address to write from; repeatable")
    put.add_argument("--disabled", action="store_true", help="refuse all replies; without it, the user is enabled")
    show = add_command(deeds, "show", _show, "show what is on file")
    remove = add_command(deeds, "remove", _remove, "delete the addresses on file and enable the user; revocations stay")
    many = add_command(deeds, "import", import_users, "put the users of a file on file")
    many.add_argument(
        "file",
        metavar="FILE",
        help="CSV with the columns user, address and perhaps disabled, or JSON lines with user and perhaps addresses "
        "and disabled; - for standard input. The file replaces a user's addresses. What it omits about a "
        'user stays unchanged: a cell may be empty. "addresses": [] removes all of them',
    )
    for parser in (put, show, remove):
        parser.add_argument("id", metavar="ID", type=whole_number)
    for parser in (put, show, remove, many):
        add_config(parser)
        add_json(parser)


def _set(options: argparse.Namespace) -> int:
    user = _checked(options)
    addresses = tuple(dict.fromkeys(_normal(address) for address in options.address))
    with store_access(options, changes=True) as access:
        access.registry.set_users([UserChange(user, options.disabled, addresses or None)], access.kept_until)
        return _tell(options, user, access.registry.user(user))


def _show(options: argparse.Namespace) -> int:
    user = _checked(options)
    with store_access(options) as access:
        return _tell(options, user, access.registry.user(user))


def _remove(options: argparse.Namespace) -> int:
    user = _checked(options)
    with store_access(options, changes=True) as access:
        removed = access.registry.remove_user(user, access.kept_until)
    if options.json:
        print(json.dumps({"user": user, "removed": removed}))
    else:
        print(f"user {user}: {'removed' if removed else 'nothing was on file'}")
    return os.EX_OK


def _checked(options: argparse.Namespace) -> int:
    if not 0 <= options.id < USER_LIMIT:
        raise CommandError(os.EX_USAGE, f"a user id is between 0 and {USER_LIMIT - 1}")
    return int(options.id)


def _normal(address: str) -> str:
    normal = normalise(address) if "@" in address else None
    if normal is None:
        raise CommandError(
            os.EX_USAGE, f"{address!r} can't be on file: a plain ASCII local part and a domain are needed"
        )
    return normal


def _tell(options: argparse.Namespace, user: int, record: UserRecord | None) -> int:
    found = record or UserRecord(False, 0, ())
    if options.json:
        members = {"user": user, "disabled": found.disabled, "addresses": list(found.addresses)}
        print(json.dumps({**members, "revoked_before": found.revoked_before or None}))
        return os.EX_OK
    print(f"user {user}: {'disabled' if found.disabled else 'enabled'}")
    print(f"  addresses on file: {', '.join(found.addresses) or 'none'}")
    print(
        f"  revoked: {f'what was minted before {moment(found.revoked_before)}' if found.revoked_before else 'nothing'}"
    )
    return os.EX_OK
