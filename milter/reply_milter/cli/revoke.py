"""``revoke``: make issued addresses invalid; list what was revoked, and undo it."""

import argparse
import json
import os
from pathlib import Path

from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.state_dir.revocation_journal import JournalError, RevocationJournal
from reply_milter.cli import revoke_list, revoke_undo
from reply_milter.cli.errors import CommandError
from reply_milter.cli.handler_argument import named_handler
from reply_milter.cli.options import add_command, add_config, add_json, whole_number
from reply_milter.cli.store_access import StoreAccess, store_access
from reply_milter.cli.times import moment
from reply_milter.cli.token_argument import token_id_of
from reply_milter.cli.whose import Whose, add_wrapped, check_id, recipient, recipient_address
from reply_milter.core.encoding.plural import counted
from reply_milter.core.token import token
from reply_milter.core.token.revocation import What
from reply_milter.core.verdict.handler import ContextKind
from reply_milter.flows.revocations import restore_revocations

_REACH = (
    "A thread context is computed with one user's key: other users have other contexts for the same thing. "
    "To reach all users, refuse replies about it in the application, or revoke it for each user"
)
_NOT_MINTED = (
    "Addresses that an application had minted for a user of its own are not among them: see revoke user. "
    "What is sent to this recipient from now on can be answered"
)
_ONE_THING = {
    ContextKind.THREAD: "the addresses of the one user, and the one message,",
    ContextKind.WRAPPED: "the addresses of the one recipient, and the one address of the application,",
}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and what it revokes."""
    deeds = add_command(commands, "revoke", _user, "make issued addresses invalid; list and undo that").add_subparsers(
        metavar="WHAT", required=True
    )
    user = add_command(deeds, "user", _user, "all addresses of a user, minted until now")
    user.add_argument("id", metavar="ID", type=whole_number)
    add_wrapped(user)
    text = "all addresses that stand for an application's own, sent to a recipient until now, under every key in use"
    sent_to = add_command(deeds, "address", _address, text)
    sent_to.add_argument("recipient", metavar="A", help="whom the wrapped notifications were sent to")
    text = "all addresses about one thing, minted until now; unless contexts are integers, those of one user"
    about = add_command(deeds, "object", _object, text)
    about.add_argument("handler", metavar="HANDLER")
    about.add_argument("context", metavar="CONTEXT", type=whole_number, help="as in `explain` or a verdict")
    one = add_command(deeds, "token", _token, "one address, or the one with a token id")
    one.add_argument("address", metavar="ADDRESS", help="or the 13 characters that name it in the log and in questions")
    before = add_command(deeds, "before", _before, "all addresses minted before a time")
    before.add_argument("unix", metavar="UNIX", type=whole_number)
    restore = add_command(
        deeds, "restore", _restore, "restore revocations that the store has lost, from this host's journal"
    )
    restore.add_argument("--journal", metavar="FILE", help="another journal than the one under state_dir")
    for parser in (user, sent_to, about, one, before, restore):
        add_config(parser)
        add_json(parser)
    revoke_list.add(deeds)
    revoke_undo.add(deeds)


def _user(options: argparse.Namespace) -> int:
    check_id(options.id)
    with store_access(options, changes=True) as access:
        wanted, who = _next_minute(), Whose((options.id,), options.wrapped)
        before = _revoke(access, who, wanted)
        record = access.registry.user(options.id, options.wrapped)
        shown = who.shown(access.settings, record.addresses if record else ())
    names = {"user": None, "pseudo_users": [options.id]} if options.wrapped else {"user": options.id}
    return _report(options, access, f"all addresses of user {shown}", wanted, before, **names)


def _address(options: argparse.Namespace) -> int:
    address = recipient_address(options.recipient)
    with store_access(options, changes=True) as access:
        wanted, who = _next_minute(), recipient(address, access.settings)
        before = _revoke(access, who, wanted)
    what = f"all addresses that stand for an application's own, sent to {address},"
    status = _report(options, access, what, wanted, before, address=address, pseudo_users=list(who.users))
    if not options.json:
        print(_NOT_MINTED)
    return status


def _revoke(access: StoreAccess, who: Whose, wanted: int) -> int:
    """Revoke what was issued to all of ``who``; return the earliest time that is in force."""
    in_force = []
    for user in who.users:
        before = access.registry.revoke_user(user, wanted, access.kept_until, who.wrapped)
        if who.wrapped:
            access.put_on_record(What.WRAPPED, user=user, of=who.of, before=before)
        else:
            access.put_on_record(What.USER, user=user, before=before)
        in_force.append(before)
    return min(in_force)


def _object(options: argparse.Namespace) -> int:
    if not 0 <= options.context < token.CONTEXT_LIMIT:
        raise CommandError(os.EX_USAGE, f"a context is between 0 and {token.CONTEXT_LIMIT - 1}")
    with store_access(options, changes=True) as access:
        handler, wanted = named_handler(access.settings.config.handlers, options.handler), _next_minute()
        before = access.registry.revoke_object(handler.id, options.context, wanted, access.kept_until)
        access.put_on_record(What.OBJECT, handler=handler.id, context=options.context, before=before)
    what = f"all addresses of {handler.name} about {options.context}"
    if handler.context in _ONE_THING:
        what = f"{_ONE_THING[handler.context]} that context {options.context} belongs to,"
    status = _report(options, access, what, wanted, before, handler=handler.name, context=str(options.context))
    if handler.context is ContextKind.THREAD and not options.json:
        print(_REACH)
    return status


def _token(options: argparse.Namespace) -> int:
    with store_access(options, changes=True) as access:
        token_id = token_id_of(options.address, access.settings)
        access.registry.revoke_token(token_id, access.kept_until)
        access.put_on_record(What.TOKEN, token_id=token_id)
    print(json.dumps({"token_id": token_id}) if options.json else f"revoked: the address with token id {token_id}")
    return os.EX_OK


def _before(options: argparse.Namespace) -> int:
    if options.unix < 0:
        raise CommandError(os.EX_USAGE, "UNIX must be in seconds since 1970")
    if options.unix > WallClock().now() + 86400:
        raise CommandError(
            os.EX_USAGE,
            "UNIX (in seconds) is more than a day ahead; that would revoke addresses that are not minted yet",
        )
    with store_access(options, changes=True) as access:
        before = access.registry.revoke_before(options.unix, access.kept_until)
        access.put_on_record(What.BEFORE, before=before)
    return _report(options, access, "all addresses", options.unix, before)


def _restore(options: argparse.Namespace) -> int:
    with store_access(options, changes=True) as access:
        config = access.settings.config
        journal = RevocationJournal(Path(options.journal)) if options.journal else access.journal
        try:
            revocations, broken = journal.read(WallClock().now())
        except JournalError as error:
            raise CommandError(os.EX_NOINPUT, str(error)) from error
        if options.journal and not journal.path.exists():
            raise CommandError(os.EX_NOINPUT, f"{journal.path}: no such file")
        count = restore_revocations(access.registry, config.realm, revocations)
    revoke_list.tell_unreadable(journal, broken)
    if options.json:
        print(json.dumps({"put_back": count, "unreadable": broken}))
    else:
        print(f"restored {counted(count, 'revocation')} from {journal.path}; running this again does no harm")
    return os.EX_OK


def _next_minute() -> int:
    """Return the start of the next minute: tokens carry minutes, and those of the current one are revoked as well."""
    return WallClock().now() // 60 * 60 + 60


def _report(
    options: argparse.Namespace, access: StoreAccess, what: str, wanted: int, before: int, **members: object
) -> int:
    """Print the result. ``before``: the time in force; later than ``wanted`` if an earlier command revoked more."""
    if options.json:
        print(json.dumps({**members, "before": before}))
        return os.EX_OK
    stands = "" if before == wanted else " (that was in force already, and stays)"
    effect = ". Effective at once, on all hosts of this store" if access.is_live else ""
    print(f"revoked: {what} minted before {moment(before)}{stands}{effect}")
    return os.EX_OK
