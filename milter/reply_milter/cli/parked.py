"""``parked``: accepted replies that wait for their user, or an operator, to confirm them."""

import argparse
import json
import os
import sys

from reply_milter.cli.errors import CommandError
from reply_milter.cli.foreign_text import add_raw, printable, write_message, write_raw
from reply_milter.cli.hook_access import hook
from reply_milter.cli.options import add_command, add_config, add_json
from reply_milter.cli.times import moment
from reply_milter.core.delivery.outcome import Later, Never
from reply_milter.core.delivery.parked import ParkedReply
from reply_milter.flows.delivering.parking import discard, release
from reply_milter.flows.delivering.service import HookService
from reply_milter.flows.delivering.standing import objection
from reply_milter.ports import StoreUnavailableError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its deeds."""
    deeds = add_command(commands, "parked", _list, "replies that wait for confirmation").add_subparsers(
        metavar="DEED", required=True
    )
    listing = add_command(deeds, "list", _list, "list all, one per line, oldest first")
    show = add_command(deeds, "show", _show, "show one and its message; --json omits the message")
    add_raw(show)
    let_go = add_command(
        deeds, "release", _release, "deliver one as a reply of its user. Exit 75 if that is not possible now"
    )
    let_go.add_argument(
        "--force", action="store_true", help="also if its address, user or handler was revoked or disabled since"
    )
    forget = add_command(deeds, "discard", _discard, "delete one")
    for parser in (show, let_go, forget):
        parser.add_argument("id", metavar="ID", help="as list shows it")
    for parser in (listing, show, let_go, forget):
        add_config(parser)
        add_json(parser)


def _list(options: argparse.Namespace) -> int:
    waiting = hook(options).parking.all()
    if options.json:
        print(json.dumps([_members(parked) for parked in waiting]))
    elif not waiting:
        print("nothing is parked", file=sys.stderr)  # standard output has a line per reply
    for parked in waiting if not options.json else ():
        print(
            f"{parked.id}  until {moment(parked.until)}  user {parked.sealed.user}  {parked.sealed.handler}  "
            f"{parked.sealed.reason}  from {printable(parked.author) or '-'}  {_state(parked)}"
        )
    return os.EX_OK


def _show(options: argparse.Namespace) -> int:
    service = hook(options)
    parked = _found(service, options.id)
    if options.raw:
        write_raw(service.parking.message(parked.id))
        return os.EX_OK
    if options.json:
        print(json.dumps(_members(parked)))
        return os.EX_OK
    sealed, author = parked.sealed, printable(parked.author) or "-"
    print(f"id:      {parked.id}\nuser:    {sealed.user}\nhandler: {sealed.handler}\nreason:  {sealed.reason}")
    print(f"from:    {author}\narrived: {moment(parked.arrived)}\nuntil:   {moment(parked.until)}")
    print(f"state:   {_state(parked)}\n")
    write_message(service.parking.message(parked.id))
    return os.EX_OK


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


def _members(parked: ParkedReply) -> dict[str, object]:
    sealed = parked.sealed
    return {
        "id": parked.id,
        "user": sealed.user,
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
