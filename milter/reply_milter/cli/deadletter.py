"""``deadletter``: messages that the delivery hook kept because no handler took them."""

import argparse
import json
import os
import sys
from dataclasses import asdict

from reply_milter.cli.errors import CommandError
from reply_milter.cli.foreign_text import add_raw, printable, write_message, write_raw
from reply_milter.cli.hook_access import hook
from reply_milter.cli.options import add_command, add_config, add_json
from reply_milter.cli.times import moment
from reply_milter.core.delivery.dead_letter import DeadLetter
from reply_milter.core.delivery.outcome import Later, Never
from reply_milter.core.delivery.reply import Envelope
from reply_milter.flows.delivering.delivery import deliver
from reply_milter.flows.delivering.service import HookService


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its deeds."""
    deeds = add_command(commands, "deadletter", _list, "messages that could not be delivered").add_subparsers(
        metavar="DEED", required=True
    )
    listing = add_command(deeds, "list", _list, "list all, one per line, oldest first")
    show = add_command(deeds, "show", _show, "show one and its message; --json omits the message")
    add_raw(show)
    retry = add_command(deeds, "retry", _retry, "deliver one now and remove it. Exit 75 if that is not possible now")
    for parser in (show, retry):
        parser.add_argument("id", metavar="ID", help="as list shows it")
    for parser in (listing, show, retry):
        add_config(parser)
        add_json(parser)


def _list(options: argparse.Namespace) -> int:
    letters = hook(options).dead_letters.all()
    if options.json:
        print(json.dumps([asdict(letter) for letter in letters]))
    elif not letters:
        print("there are no dead letters", file=sys.stderr)  # standard output has a line per letter
    for letter in letters if not options.json else ():
        detail = printable(letter.detail)
        print(f"{letter.id}  {moment(letter.since)}  {letter.reason}  {letter.handler or '-'}  {detail}".rstrip())
    return os.EX_OK


def _show(options: argparse.Namespace) -> int:
    service = hook(options)
    letter = _found(service, options.id)
    if options.raw:
        write_raw(service.dead_letters.message(letter.id))
        return os.EX_OK
    if options.json:
        print(json.dumps(asdict(letter)))
        return os.EX_OK
    print(f"id:        {letter.id}\nsince:     {moment(letter.since)}")
    print(f"reason:    {letter.reason} {printable(letter.detail)}".rstrip())
    print(f"handler:   {letter.handler or '-'}\nuser:      {'-' if letter.user is None else letter.user}")
    print(f"sender:    <{printable(letter.sender)}>\nrecipient: <{printable(letter.recipient)}>\n")
    write_message(service.dead_letters.message(letter.id))
    return os.EX_OK


def _retry(options: argparse.Namespace) -> int:
    service = hook(options)
    letter = _found(service, options.id)
    envelope = Envelope(letter.sender, letter.recipient, service.dead_letters.message(letter.id))
    handed = deliver(service, envelope, retry=True)
    if isinstance(handed, Later):
        raise CommandError(os.EX_TEMPFAIL, f"not delivered; the dead letter is kept: {handed.why}")
    if isinstance(handed, Never):
        raise CommandError(os.EX_DATAERR, f"not delivered; the dead letter is kept: {handed.why}")
    service.dead_letters.remove(letter.id)
    if options.json:
        print(json.dumps({"id": letter.id, "delivered": True}))
    else:
        print(f"{letter.id}: delivered")
    return os.EX_OK


def _found(service: HookService, identifier: str) -> DeadLetter:
    letter = service.dead_letters.find(identifier)
    if letter is None:
        raise CommandError(os.EX_DATAERR, f"there is no dead letter {identifier!r}; see deadletter list")
    return letter
