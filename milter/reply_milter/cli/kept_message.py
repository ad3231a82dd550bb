"""Messages that the delivery hook keeps: how ``deadletter`` and ``parked`` list them, and show one with its message."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from reply_milter.cli.foreign_text import add_raw, write_message, write_raw
from reply_milter.cli.options import add_command, add_config, add_json

_Deed = Callable[[argparse.Namespace], int]
_Deeds: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_kept(commands: _Deeds, name: str, text: str, listing: _Deed, showing: _Deed) -> _Deeds:
    """Declare a command that lists if nothing else is asked, with ``list`` and ``show``; return its deeds."""
    deeds = add_command(commands, name, listing, text).add_subparsers(metavar="DEED", required=True)
    parser = add_command(deeds, "list", listing, "list all, one per line, oldest first")
    add_config(parser)
    add_json(parser)
    add_raw(add_deed(deeds, "show", showing, "show one and its message; --json omits the message"))
    return deeds


def add_deed(deeds: _Deeds, name: str, deed: _Deed, text: str) -> argparse.ArgumentParser:
    """Declare what is done about one message, which an id names."""
    parser = add_command(deeds, name, deed, text)
    parser.add_argument("id", metavar="ID", help="as list shows it")
    add_config(parser)
    add_json(parser)
    return parser


def write_list(
    options: argparse.Namespace, members: Sequence[Mapping[str, object]], lines: Iterable[str], none: str
) -> int:
    """Write all as one JSON array, or a line each. ``none``: what standard error says of an empty list."""
    if options.json:
        print(json.dumps(members))
        return os.EX_OK
    if not members:
        print(none, file=sys.stderr)  # standard output has a line per message
    for line in lines:
        print(line)
    return os.EX_OK


def write_one(
    options: argparse.Namespace, members: Mapping[str, object], words: str, message: Callable[[], bytes]
) -> int:
    """Write one: what is known of it and the message, its JSON, or the raw message alone."""
    if options.raw:
        write_raw(message())
    elif options.json:
        print(json.dumps(members))
    else:
        print(words)
        write_message(message())
    return os.EX_OK
