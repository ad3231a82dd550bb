"""``deadletter``: messages that the delivery hook kept because no handler took them."""

import argparse
import json
import os
from dataclasses import asdict

from reply_milter.cli.errors import CommandError
from reply_milter.cli.foreign_text import printable
from reply_milter.cli.hook_access import hook
from reply_milter.cli.kept_message import add_deed, add_kept, write_list, write_one
from reply_milter.cli.kept_user import user_members, user_words
from reply_milter.cli.times import moment
from reply_milter.core.delivery.dead_letter import DeadLetter
from reply_milter.core.delivery.outcome import Later, Never
from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.verdict.handler import Handlers
from reply_milter.flows.delivering.delivery import deliver
from reply_milter.flows.delivering.service import HookService


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its deeds."""
    deeds = add_kept(commands, "deadletter", "messages that could not be delivered", _list, _show)
    add_deed(deeds, "retry", _retry, "deliver one now and remove it. Exit 75 if that is not possible now")


def _list(options: argparse.Namespace) -> int:
    service = hook(options)
    letters = service.dead_letters.all()
    members = [_members(letter, service.rules.handlers) for letter in letters]
    return write_list(options, members, map(_line, letters), "there are no dead letters")


def _members(letter: DeadLetter, handlers: Handlers) -> dict[str, object]:
    return {**asdict(letter), **user_members(letter.user, letter.handler, handlers)}


def _line(letter: DeadLetter) -> str:
    detail = printable(letter.detail)
    return f"{letter.id}  {moment(letter.since)}  {letter.reason}  {letter.handler or '-'}  {detail}".rstrip()


def _show(options: argparse.Namespace) -> int:
    service = hook(options)
    letter = _found(service, options.id)
    handlers = service.rules.handlers
    reason = f"{letter.reason} {printable(letter.detail)}".rstrip()
    user = user_words(letter.user, letter.handler, handlers)
    words = (
        f"id:        {letter.id}\nsince:     {moment(letter.since)}\nreason:    {reason}\n"
        f"handler:   {letter.handler or '-'}\nuser:      {user}\n"
        f"sender:    <{printable(letter.sender)}>\nrecipient: <{printable(letter.recipient)}>\n"
    )
    return write_one(options, _members(letter, handlers), words, lambda: service.dead_letters.message(letter.id))


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
