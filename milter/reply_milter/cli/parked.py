"""``parked``: accepted replies that wait for their user, or an operator, to confirm them."""

import argparse
import json
import os

from reply_milter.cli.errors import CommandError
from reply_milter.cli.foreign_text import printable
from reply_milter.cli.hook_access import hook
from reply_milter.cli.kept_message import add_deed, add_kept, write_list, write_one
from reply_milter.cli.kept_user import user_members, user_words
from reply_milter.cli.times import moment
from reply_milter.core.delivery.outcome import Later, Never
from reply_milter.core.delivery.parked import ParkedReply
from reply_milter.core.verdict.handler import Handlers
from reply_milter.flows.delivering.parking import discard, release
from reply_milter.flows.delivering.service import HookService
from reply_milter.flows.delivering.standing import objection
from reply_milter.ports import StoreUnavailableError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its deeds."""
    deeds = add_kept(commands, "parked", "replies that wait for confirmation", _list, _show)
    let_go = add_deed(
        deeds, "release", _release, "deliver one as a reply of its user. Exit 75 if that is not possible now"
    )
    let_go.add_argument(
        "--force", action="store_true", help="also if its address, user or handler was revoked or disabled since"
    )
    add_deed(deeds, "discard", _discard, "delete one")


def _list(options: argparse.Namespace) -> int:
    service = hook(options)
    waiting, handlers = service.parking.all(), service.rules.handlers
    members = [_members(parked, handlers) for parked in waiting]
    return write_list(options, members, (_line(parked, handlers) for parked in waiting), "nothing is parked")


def _line(parked: ParkedReply, handlers: Handlers) -> str:
    return (
        f"{parked.id}  until {moment(parked.until)}  user {_user(parked, handlers)}  {parked.sealed.handler}  "
        f"{parked.sealed.reason}  from {printable(parked.author) or '-'}  {_state(parked)}"
    )


def _show(options: argparse.Namespace) -> int:
    service = hook(options)
    parked = _found(service, options.id)
    sealed, author, handlers = parked.sealed, printable(parked.author) or "-", service.rules.handlers
    user = _user(parked, handlers)
    words = (
        f"id:      {parked.id}\nuser:    {user}\nhandler: {sealed.handler}\nreason:  {sealed.reason}\n"
        f"from:    {author}\narrived: {moment(parked.arrived)}\nuntil:   {moment(parked.until)}\n"
        f"state:   {_state(parked)}\n"
    )
    return write_one(options, _members(parked, handlers), words, lambda: service.parking.message(parked.id))


def _release(options: argparse.Namespace) -> int:
    service = hook(options)
    parked = _found(service, options.id)
    if not options.force:
        _check_standing(service, parked)
    handed = release(service, parked, even_if_revoked=options.force)
    if isinstance(handed, Later):
        raise CommandError(os.EX_TEMPFAIL, f"released, but not delivered yet: {handed.why}; the daemon will retry")
    if isinstance(handed, Never):
        raise CommandError(
            os.EX_DATAERR, f"released, but the handler refused it; it is now a dead letter: {handed.why}"
        )
    return _tell(options, "released")


def _check_standing(service: HookService, parked: ParkedReply) -> None:
    try:
        why = objection(service, parked)
    except StoreUnavailableError as error:
        raise CommandError(
            os.EX_TEMPFAIL, f"not released: the store gave no answer, so nobody knows what was revoked: {error}"
        ) from error
    if why:
        raise CommandError(os.EX_DATAERR, f"not released: {why}; --force delivers it all the same")


def _discard(options: argparse.Namespace) -> int:
    service = hook(options)
    discard(service, _found(service, options.id))
    return _tell(options, "discarded")


def _tell(options: argparse.Namespace, deed: str) -> int:
    print(json.dumps({"id": options.id, deed: True}) if options.json else f"{options.id}: {deed}")
    return os.EX_OK


def _found(service: HookService, identifier: str) -> ParkedReply:
    parked = service.parking.find(identifier)
    if parked is None:
        raise CommandError(os.EX_DATAERR, f"no reply is parked under {identifier!r}; see parked list")
    return parked


def _state(parked: ParkedReply) -> str:
    if parked.released:
        return "released, to be delivered"
    return f"asked {moment(parked.asked)}" if parked.asked else "not asked yet"


def _user(parked: ParkedReply, handlers: Handlers) -> str:
    return user_words(parked.sealed.user, parked.sealed.handler, handlers)


def _members(parked: ParkedReply, handlers: Handlers) -> dict[str, object]:
    sealed = parked.sealed
    return {
        "id": parked.id,
        **user_members(sealed.user, sealed.handler, handlers),
        "handler": sealed.handler,
        "context": str(sealed.context),
        "locator": sealed.locator or None,
        "reason": sealed.reason,
        "from": parked.author or None,
        "subject": parked.subject or None,
        "arrived": parked.arrived,
        "until": parked.until,
        "asked": parked.asked or None,
        "released": parked.released,
    }
