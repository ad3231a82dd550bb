"""``user``: a user's record: addresses to write from, and whether replies are accepted."""

import argparse
import json
import os

from reply_milter.cli.options import add_command, add_config, add_json
from reply_milter.cli.store_access import StoreAccess, store_access
from reply_milter.cli.times import moment
from reply_milter.cli.user_import import import_users
from reply_milter.cli.whose import Whose, add_whose, check_whose, normal_address, whose
from reply_milter.ports import UserChange, UserRecord


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its deeds."""
    deeds = add_command(commands, "user", _show, "addresses on file, and disabling").add_subparsers(
        metavar="DEED", required=True
    )
    put = add_command(deeds, "set", _set, "put a user on file; without --address, the addresses on file stay")
    text = "an address to write from; repeatable. Beside --of: one more than that recipient's own"
    put.add_argument("--address", metavar="A", action="append", default=[], help=text)
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
        add_whose(parser)
    for parser in (put, show, remove, many):
        add_config(parser)
        add_json(parser)


def _set(options: argparse.Namespace) -> int:
    check_whose(options)
    addresses = [normal_address(address) for address in options.address]
    with store_access(options, changes=True) as access:
        who = whose(options, access.settings)
        if who.of and addresses:  # once any is on file, only these count
            addresses.insert(0, who.of)
        listed = tuple(dict.fromkeys(addresses)) or None
        changes = [UserChange(user, options.disabled, listed, who.wrapped) for user in who.users]
        access.registry.set_users(changes, access.kept_until)
        return _tell(options, access, who)


def _show(options: argparse.Namespace) -> int:
    check_whose(options)
    with store_access(options) as access:
        return _tell(options, access, whose(options, access.settings))


def _remove(options: argparse.Namespace) -> int:
    check_whose(options)
    with store_access(options, changes=True) as access:
        who = whose(options, access.settings)
        removed = [access.registry.remove_user(user, access.kept_until, who.wrapped) for user in who.users]
        shown = who.shown(access.settings)
    if options.json:
        print(json.dumps({**_names(who), "removed": any(removed)}))
    else:
        print(f"user {shown}: {'removed' if any(removed) else 'nothing was on file'}")
    return os.EX_OK


def _names(who: Whose) -> dict[str, object]:
    """The members that say whose record it is. ``user`` is never a pseudo-user's number."""
    if not who.wrapped:
        return {"user": who.users[0]}
    return {"user": None, "of": who.of or None, "pseudo_users": list(who.users)}


def _tell(options: argparse.Namespace, access: StoreAccess, who: Whose) -> int:
    records = [access.registry.user(user, who.wrapped) or UserRecord(False, 0, ()) for user in who.users]
    if options.json:
        told = _each(who, records) if who.of else _members(records[0])
        print(json.dumps({**_names(who), **told}))
        return os.EX_OK
    for user, found in zip(who.users, records, strict=True):
        number = f", as pseudo-user {user}" if who.of else ""
        print(f"user {who.shown(access.settings, found.addresses)}{number}: {_state(found)}")
        print(f"  addresses on file: {', '.join(found.addresses) or 'none'}")
        revoked = f"what was minted before {moment(found.revoked_before)}" if found.revoked_before else "nothing"
        print(f"  revoked: {revoked}")
    return os.EX_OK


def _members(found: UserRecord) -> dict[str, object]:
    revoked = found.revoked_before or None
    return {"disabled": found.disabled, "addresses": list(found.addresses), "revoked_before": revoked}


def _each(who: Whose, records: list[UserRecord]) -> dict[str, object]:
    """The records of a recipient: those of keys that came later than the last ``user set`` are empty."""
    pairs = zip(who.users, records, strict=True)
    return {"records": [{"pseudo_user": user, **_members(found)} for user, found in pairs]}


def _state(found: UserRecord) -> str:
    return "disabled" if found.disabled else "enabled"
