"""``doctor``: problems of this installation and of the Postfix in front of it, and the line that fixes each."""

import argparse
import json
import os
import textwrap
from collections.abc import Iterator

from reply_milter.cli.errors import CommandError
from reply_milter.cli.message_argument import read_message
from reply_milter.cli.options import add_command, add_config, add_json
from reply_milter.core.diagnosis.application import Look
from reply_milter.core.diagnosis.problem import Problem, Severity, in_order, worst
from reply_milter.core.encoding.plural import counted
from reply_milter.doctor import Diagnosis, examine
from reply_milter.doctor.notification import examine_notification

_WORDS = {0: "clean", 1: "warnings", 2: "errors"}
_STATUS = {None: os.EX_OK, Severity.NOTE: os.EX_OK, Severity.WARNING: 1, Severity.ERROR: 2}

_WIDTH = 110
_INDENT = " " * 4


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(
        commands, "doctor", _run, "say what is wrong here; exit 0 if nothing is, 1 for warnings, 2 for errors"
    )
    parser.add_argument("--postfix", metavar="DIR", help="also examine the Postfix configuration in DIR (/etc/postfix)")
    parser.add_argument(
        "--application",
        metavar="FILE.eml",
        help="instead: examine a notification as its application sends it: what is rewritten, what leaks, what stands"
        " in the way; - for standard input",
    )
    parser.add_argument("--sender", metavar="A", help="beside --application: its envelope sender, which no file holds")
    add_config(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    if options.application is not None:
        return _application(options)
    if options.sender is not None:
        raise CommandError(os.EX_USAGE, "--sender is about a notification: name its file with --application")
    return _write(options, examine(options.config, options.postfix), {})


def _application(options: argparse.Namespace) -> int:
    if options.postfix is not None:
        raise CommandError(os.EX_USAGE, "--application and --postfix are about different things: name one of them")
    message = read_message(options.application)
    look = examine_notification(options.config, message, options.sender or "")
    return _write(options, Diagnosis(("application",), in_order(look.problems)), {"notification": _seen(look)})


def _write(options: argparse.Namespace, diagnosis: Diagnosis, more: dict[str, object]) -> int:
    print(json.dumps({**_members(diagnosis), **more}) if options.json else "\n".join(_lines(diagnosis)))
    return _STATUS[worst(diagnosis.problems)]


def _seen(look: Look) -> dict[str, object]:
    return {
        "handlers": list(look.handlers),
        "changes": [change._asdict() for change in look.changes],
        "keys_in_body": [{"handler": name, **place._asdict()} for name, place in look.places],
    }


def _members(diagnosis: Diagnosis) -> dict[str, object]:
    return {
        "status": _WORDS[_STATUS[worst(diagnosis.problems)]],
        "areas": {area: _state(diagnosis, area) for area in diagnosis.areas},
        "findings": [
            {
                "severity": finding.severity.value,
                "check": finding.check,
                "what": finding.what,
                "why": finding.why,
                "place": finding.remedy.place or None,
                "section": finding.remedy.section or None,
                "line": finding.remedy.line or None,
            }
            for finding in diagnosis.problems
        ],
    }


def _state(diagnosis: Diagnosis, area: str) -> str:
    """Return the worst severity of an area, or ``ok``."""
    found = worst(finding for finding in diagnosis.problems if finding.check.partition(".")[0] == area)
    return found.value if found else "ok"


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    yield "  ".join(f"{area}: {_state(diagnosis, area)}" for area in diagnosis.areas)
    for finding in diagnosis.problems:
        yield ""
        yield from _wrapped(f"{finding.severity.upper()}  {finding.what}  [{finding.check}]", "")
        yield from _wrapped(f"{finding.why}.", _INDENT)
        yield from _remedy_lines(finding)
    yield ""
    found = [finding.severity for finding in diagnosis.problems]
    yield ", ".join(counted(found.count(severity), severity.value) for severity in Severity)


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False
    )


def _remedy_lines(finding: Problem) -> Iterator[str]:
    remedy = finding.remedy
    if not remedy.line:
        return
    if remedy.place == "shell":
        yield "    Run:"
    else:
        yield f"    Put into {remedy.place}{', ' if remedy.section else ''}{remedy.section}:"
    yield from (f"        {line}" for line in remedy.line.splitlines())
