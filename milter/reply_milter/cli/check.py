"""``check``: verify a message file without the store. Changes nothing."""

import argparse
import json
import os
from dataclasses import dataclass

from reply_milter.adapters.state_dir import wrapped_mark
from reply_milter.cli.foreign_text import printable
from reply_milter.cli.message_argument import read_message
from reply_milter.cli.options import add_at, add_command, add_config, add_json, moment
from reply_milter.core.rules.thread import ThreadMatch
from reply_milter.flows.verifying.rehearsal import Concerned, Rehearsal, SampleMessage, rehearse
from reply_milter.ports import Fate
from reply_milter.wiring.natives import read_sources
from reply_milter.wiring.stores import load
from reply_text.syntax.message_file import as_sent, split


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(
        commands, "check", _run, "say what would happen to a message; exit 0 if it is accepted, else 1"
    )
    parser.add_argument("--rcpt", metavar="A", required=True, help="the envelope recipient")
    parser.add_argument("--from", metavar="A", dest="sender", required=True, help="the envelope sender; '' for bounces")
    parser.add_argument("--client", metavar="IP", default="192.0.2.1", help="the client's address (a stranger's)")
    parser.add_argument("file", metavar="FILE.eml", help="the message; - for standard input")
    add_at(parser)
    add_json(parser)
    add_config(parser)


@dataclass(frozen=True, slots=True)
class _Clock:
    unix: int

    def now(self) -> int:
        """Return the time of ``--at``."""
        return self.unix


def _run(options: argparse.Namespace) -> int:
    fields, body = split(read_message(options.file))
    bare = [address.strip().removeprefix("<").removesuffix(">") for address in (options.sender, options.rcpt)]
    letter = SampleMessage(bare[0], bare[1], options.client, fields, as_sent(body))
    settings = load(options.config)
    left = wrapped_mark.noted(settings.config.state_dir)
    outcome = rehearse(settings.rules(), _Clock(moment(options)), letter, left, read_sources(settings.config.handlers))
    print(json.dumps(_members(outcome)) if options.json else _text(outcome, left is not None))
    return os.EX_OK if outcome.verdict is Fate.ACCEPT else 1


def _members(outcome: Rehearsal) -> dict[str, str | None]:
    return {
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "would": outcome.would or None,
        "reply": outcome.reply,
        "header": outcome.header or None,
        **_about_application(outcome.concerned),
    }


def _about_application(concerned: Concerned | None) -> dict[str, str | None]:
    if concerned is None:
        return {"class": None, "handler": None, "original": None, "notified": None}
    return {
        "class": concerned.road,
        "handler": concerned.handler,
        "original": concerned.thread,
        "notified": concerned.recipient or None,
    }


_CAPSULES = {
    ThreadMatch.MATCH: "its capsule is there, and tells what the address stands for",
    ThreadMatch.MISMATCH: "it bears a capsule of another address, and none of this one",
    ThreadMatch.ABSENT: "it bears no capsule; the store's copy counts, if the message names the notification",
}


def _application_words(concerned: Concerned, knows_left: bool) -> str:
    words = [f"handler {concerned.handler} wraps the application; class {concerned.road}"]
    if concerned.thread is not None:
        words.append(_CAPSULES[concerned.thread])
    if concerned.recipient:
        words.append(f"the notification went to {printable(concerned.recipient)}")
    if not knows_left:
        words.append("whether a wrapped notification has left is unknown (state_dir can't be read): taken as if")
    return "; ".join(words)


def _text(outcome: Rehearsal, knows_left: bool) -> str:
    would = f" (observe mode; enforce would {outcome.would})" if outcome.would else ""
    lines = [f"{outcome.verdict}: {outcome.reason}{would}", f"the client would hear: {outcome.reply}"]
    if outcome.concerned is not None:
        lines.append(_application_words(outcome.concerned, knows_left))
    if outcome.header:
        lines += ["", outcome.header]
    return "\n".join(
        [
            *lines,
            "",
            "Revocation, replay, disabled users and addresses on file were not checked: the store was not asked.",
        ]
    )
