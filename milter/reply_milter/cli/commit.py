"""``commit``: called by an operator's own delivery hook after it has delivered a reply."""

import argparse
import json
import os
import re

from reply_milter.cli.errors import CommandError
from reply_milter.cli.options import add_command, add_config, add_json
from reply_milter.cli.store_access import store_access
from reply_milter.wiring.stores import open_store

_ID = re.compile(r"[a-z2-7]{26}", re.ASCII)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(commands, "commit", _run, "mark a reply as delivered: from now on it is a duplicate")
    parser.add_argument("id", metavar="ID", help="the id tag of its verdict")
    add_config(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    if not _ID.fullmatch(options.id):
        raise CommandError(os.EX_USAGE, "an ID has the 26 characters of the id tag of an X-Reply-Verdict field")
    with store_access(options, changes=True) as access:
        found = open_store(access.settings.config).commit(options.id)
    if not found:
        raise CommandError(
            os.EX_DATAERR, "no reply is reserved under this ID: it belongs to another realm, or its record has expired"
        )
    if options.json:
        print(json.dumps({"id": options.id, "committed": True}))
    return os.EX_OK
