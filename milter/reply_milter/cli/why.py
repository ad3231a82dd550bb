"""``why``: what became of a message, and why, from the daemon's log."""

import argparse
import ipaddress
import json
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator

from reply_milter.adapters.telemetry.log_lines import LogLine
from reply_milter.cli.errors import CommandError
from reply_milter.cli.log_source import add_log_source, lines_about
from reply_milter.cli.options import add_command, add_json
from reply_milter.cli.terminal import terminal_of
from reply_milter.cli.why_words import explained, members
from reply_milter.core.seal.sealed_reply import TOKEN_ID_LENGTH

_SINCE = "30 days ago"
_MOST = 200  # lines that are shown: the newest
_NAME = re.compile(r"[0-9A-Za-z]{4,64}", re.ASCII)
_REPLY_ID = re.compile(rf"[a-z2-7]{{{2 * TOKEN_ID_LENGTH}}}", re.ASCII)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(
        commands, "why", _run, "say what became of a message, and why, from the log; exit 1 if the log has no such line"
    )
    parser.add_argument(
        "name",
        metavar="QUEUE-ID|TOKEN-ID|ID|CLIENT",
        help="a queue id of the MTA, the id of an address or of a reply, or a client's IP address",
    )
    parser.add_argument(
        "--since", metavar="TIME", default=_SINCE, help=f"how far to look back in the journal ({_SINCE})"
    )
    add_log_source(parser, "; - for standard input")
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    name = _checked(options.name)
    found = deque(_about(lines_about(options, _common(name)), name), _MOST)
    if options.json:
        print(json.dumps([members(line) for line in found]))
    if not found:
        raise CommandError(1, _nothing(options, name))
    if not options.json:
        print("\n\n".join(explained(line, terminal_of()) for line in found))
    return os.EX_OK


def _checked(name: str) -> str:
    """Return what to look for.

    Raises:
        CommandError: it can't be in the log.
    """
    if "@" in name:
        advice = "reply-milter explain ADDRESS says whether it is valid, and prints its token id for this command"
        raise CommandError(os.EX_USAGE, f"the log holds no addresses; {advice}")
    if name.upper() == "NOQUEUE":
        raise CommandError(
            os.EX_USAGE, "NOQUEUE is no queue id: give the client's IP address from that line of mail.log"
        )
    try:
        return str(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        if not _NAME.fullmatch(name):
            raise CommandError(os.EX_USAGE, f"{name!r} is no queue id, token id, id of a reply or IP address") from None
    return name


def _common(name: str) -> str:
    """Return what each line about ``name`` holds: of a reply, the lines before its delivery have the token id alone."""
    return name[:TOKEN_ID_LENGTH] if _REPLY_ID.fullmatch(name) else name


def _about(lines: Iterable[LogLine], name: str) -> Iterator[LogLine]:
    """Yield the lines that name it. Of a reply, also those of its message at SMTP time, by the queue id."""
    if not _REPLY_ID.fullmatch(name):
        yield from (line for line in lines if line.names(name))
        return
    kept = [line for line in lines if line.names(name) or line.names(_common(name))]
    queues = {line.fields.get("queue", "") for line in kept if line.names(name)} - {""}
    yield from (line for line in kept if line.names(name) or line.fields.get("queue") in queues)


def _nothing(options: argparse.Namespace, name: str) -> str:
    where = options.log or f"the journal of {options.unit} since {options.since}"
    if not options.log and os.geteuid() != 0:
        return f"{where} has no line about {name} that this user may read; run this as root"
    return f"{where} has no line about {name}"
