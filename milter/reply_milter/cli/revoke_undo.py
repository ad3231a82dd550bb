"""``revoke undo``: take the latest revocation of something back, in the store and in this host's journal."""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.cli.errors import CommandError
from reply_milter.cli.handler_argument import named_handler
from reply_milter.cli.options import add_command, add_config, add_json, whole_number
from reply_milter.cli.revoke_list import history
from reply_milter.cli.revoked_subject import reach_in_store, words
from reply_milter.cli.store_access import StoreAccess, store_access
from reply_milter.cli.times import moment
from reply_milter.cli.token_argument import token_id_of
from reply_milter.cli.whose import add_wrapped, check_id, recipient, recipient_address
from reply_milter.core.token.revocation import Revocation, What
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import open_store

_ELSEWHERE = ". This host's journal has no record of it: run this on the host that revoked it, too, or it comes back"
_MEANWHILE = "another command changed this at the same time: look at `revoke list`, and run it again"
_Subjects = Callable[[argparse.Namespace, Settings], list[Revocation]]


def add(deeds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and what it undoes."""
    text = "take the latest revocation of something back; an earlier one of the same stays in force"
    kinds = add_command(deeds, "undo", _undo, text).add_subparsers(metavar="WHAT", required=True)
    user = _add(kinds, "user", _user, "of a user")
    user.add_argument("id", metavar="ID", type=whole_number)
    add_wrapped(user)
    _add(kinds, "address", _address, "of a recipient of wrapped notifications").add_argument("recipient", metavar="A")
    about = _add(kinds, "object", _object, "of all addresses about one thing")
    about.add_argument("handler", metavar="HANDLER", help="its name; its number if it is no longer configured")
    about.add_argument("context", metavar="CONTEXT", type=whole_number)
    _add(kinds, "token", _token, "of one address").add_argument("address", metavar="ADDRESS", help="or its token id")
    _add(kinds, "before", _before, "of all addresses that were minted before a time")
    leaked = add_command(kinds, "leaked", _leaked, "allow as many wrong authors as a new address has")
    leaked.add_argument("address", metavar="ADDRESS", help="or its token id")
    add_config(leaked)
    add_json(leaked)


def _add(
    kinds: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, subjects: _Subjects, text: str
) -> argparse.ArgumentParser:
    parser = add_command(kinds, name, _undo, text)
    parser.set_defaults(subjects=subjects)
    add_config(parser)
    add_json(parser)
    return parser


def _user(options: argparse.Namespace, settings: Settings) -> list[Revocation]:
    check_id(options.id)
    what = What.WRAPPED if options.wrapped else What.USER
    return [Revocation(settings.config.realm, what, 0, user=options.id)]


def _address(options: argparse.Namespace, settings: Settings) -> list[Revocation]:
    who = recipient(recipient_address(options.recipient), settings)
    return [Revocation(settings.config.realm, What.WRAPPED, 0, user=user, of=who.of) for user in who.users]


def _object(options: argparse.Namespace, settings: Settings) -> list[Revocation]:
    handlers, name = settings.config.handlers, options.handler
    gone = handlers.named(name) is None and name.isascii() and name.isdecimal() and int(name) not in handlers.by_id
    number = int(name) if gone else named_handler(handlers, name).id
    return [Revocation(settings.config.realm, What.OBJECT, 0, handler=number, context=options.context)]


def _token(options: argparse.Namespace, settings: Settings) -> list[Revocation]:
    return [Revocation(settings.config.realm, What.TOKEN, 0, token_id=token_id_of(options.address, settings))]


def _before(_options: argparse.Namespace, settings: Settings) -> list[Revocation]:
    return [Revocation(settings.config.realm, What.BEFORE, 0)]


@dataclass(frozen=True, slots=True)
class _Undone:
    """What became of one. ``was``: the reach that was undone, 0 for none; ``left``: what stays in force.

    ``recorded``: whether this host's journal had it.
    """

    was: int
    left: int
    recorded: bool


def _undo(options: argparse.Namespace) -> int:
    with store_access(options, changes=True) as access:
        subjects = options.subjects(options, access.settings)
        store = open_store(access.settings.config)
        try:
            undone = [_undo_one(access, store, one) for one in subjects]
        finally:
            store.close()
        return _report(options, words(subjects[0], access.settings.config.handlers), undone)


def _undo_one(access: StoreAccess, store: RedisStore, subject: Revocation) -> _Undone:
    """Take the one that is in force back if this host does not know it, else the latest that it knows."""
    own = history(access).about(subject.subject)
    in_force = reach_in_store(subject, store)
    recorded = bool(own) and in_force <= max(one.reach for one in own)
    earlier = own if not recorded else [] if subject.what is What.TOKEN else own[:-1]
    left = max((one.reach for one in earlier), default=0)
    if left < in_force and not access.registry.undo(replace(subject, before=in_force), left):
        raise CommandError(os.EX_TEMPFAIL, _MEANWHILE)
    if recorded:
        about = {name: getattr(subject, name) for name in ("user", "handler", "context", "token_id", "of")}
        access.put_on_record(subject.what, **about, undone=True)
    return _Undone(own[-1].reach if recorded else in_force, min(left, in_force), recorded)


def _report(options: argparse.Namespace, what: str, undone: Sequence[_Undone]) -> int:
    done = [one for one in undone if one.was]
    left = max((one.left for one in undone), default=0)
    if options.json:
        print(json.dumps({"undone": bool(done), "in_force": left or None}))
    elif not done:
        print(f"nothing to undo: there is no revocation of {what}")
    else:
        stays = f". An earlier one stays in force: minted before {moment(left)}; repeat this to undo it" if left else ""
        print(f"undone: revoke {what}{stays}{'' if all(one.recorded for one in done) else _ELSEWHERE}")
    return os.EX_OK


def _leaked(options: argparse.Namespace) -> int:
    with store_access(options, changes=True) as access:
        token_id = token_id_of(options.address, access.settings)
        found = access.registry.forget_wrong_authors(token_id)
    if options.json:
        print(json.dumps({"token_id": token_id, "undone": found}))
    else:
        done = "forgotten: the wrong authors of" if found else "nothing to undo: no wrong author is known of"
        print(f"{done} the address with token id {token_id}")
    return os.EX_OK
