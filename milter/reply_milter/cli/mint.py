"""``mint``: make reply addresses for scripts and tests; applications can also use sign mode."""

import argparse
import json
import os
import re
import secrets
from collections.abc import Iterator

from reply_milter.cli.errors import CommandError
from reply_milter.cli.handler_argument import named_handler
from reply_milter.cli.options import add_at, add_command, add_config, add_json, moment, whole_number
from reply_milter.core.token.mint import MintedAddress, MintError, Order, mint
from reply_milter.core.token.token import USER_LIMIT
from reply_milter.core.verdict.handler import Handler
from reply_milter.wiring.stores import load

_USERS = re.compile(r"(\d{1,13})(?:\.\.(\d{1,13}))?", re.ASCII)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(commands, "mint", _run, "make a reply address")
    parser.add_argument("--handler", metavar="NAME", required=True, help="what the reply is for: a [[handler]]'s name")
    parser.add_argument("--user", metavar="ID", required=True, help="who may answer: a number, or A..B for one each")
    context = parser.add_mutually_exclusive_group()
    context.add_argument(
        "--context", metavar="N", type=whole_number, help="what the reply is about: a number of your own"
    )
    context.add_argument("--message-id", metavar="ID", help="the Message-ID of the notification that is answered")
    context.add_argument(
        "--locator", metavar="PATH", help="a path like project/issue/12, from which a Message-ID is made"
    )
    parser.add_argument(
        "--to", metavar="ADDRESS", default="", help="the address that the notification goes to; only it may answer"
    )
    add_at(parser)
    add_json(parser)
    add_config(parser)


def _run(options: argparse.Namespace) -> int:
    settings = load(options.config)
    handler = named_handler(settings.config.handlers, options.handler)
    now = moment(options)
    for user in _users(options.user):
        order = Order(
            user=user,
            now=now,
            context=options.context,
            message_id=options.message_id or "",
            locator=options.locator or "",
            recipient=options.to,
            unique=secrets.token_hex(4),
        )
        try:
            minted = mint(order, handler, settings.keyring, settings.config.form)
        except MintError as error:
            raise CommandError(os.EX_USAGE, str(error)) from error
        print(_json(minted, handler) if options.json else _text(minted))
    return os.EX_OK


def _users(text: str) -> Iterator[int]:
    match = _USERS.fullmatch(text)
    if match is None:
        raise CommandError(os.EX_USAGE, f"--user must be a number or A..B, not {text!r}")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise CommandError(os.EX_USAGE, f"--user {text}: the last is before the first")
    if last >= USER_LIMIT:
        raise CommandError(os.EX_USAGE, f"the user id must be between 0 and {USER_LIMIT - 1}")
    yield from range(first, last + 1)


def _text(minted: MintedAddress) -> str:
    return f"{minted.address} <{minted.message_id}>" if minted.message_id else minted.address


def _json(minted: MintedAddress, handler: Handler) -> str:
    return json.dumps(
        {
            "address": minted.address,
            "message_id": f"<{minted.message_id}>" if minted.message_id else None,
            "issued": minted.token.issued_at,
            "expires": minted.expires,
            "handler": handler.name,
            "user": minted.token.user,
            "context": str(minted.token.context),
        }
    )
