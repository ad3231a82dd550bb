"""``top``: what comes in now: the newest decisions with their reasons, rates, and the state of the daemon."""

import argparse
import json
import os
import sys
import time

from reply_milter.adapters.os.followed_log import FollowedLog, follow
from reply_milter.cli.errors import CommandError
from reply_milter.cli.log_source import add_log_source
from reply_milter.cli.options import add_command, add_config, add_json
from reply_milter.cli.terminal import terminal_of
from reply_milter.cli.top.screen import Screen
from reply_milter.cli.top.watch import Watch
from reply_milter.wiring.stores import load

_SECONDS, _LEAST_SECONDS, _MOST_SECONDS = 2.0, 0.5, 60.0
_ROWS_ONCE = 40


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(commands, "top", _run, "show what comes in now, and the state of the daemon; q ends it")
    parser.add_argument(
        "--once", action="store_true", help="print one page, and exit; 69 if the daemon does not answer"
    )
    parser.add_argument(
        "--interval", metavar="SECONDS", type=_seconds, default=_SECONDS, help=f"between two pages ({_SECONDS:.0f})"
    )
    add_log_source(parser)
    add_json(parser)
    add_config(parser)


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not _LEAST_SECONDS <= found <= _MOST_SECONDS:
        limits = f"{_LEAST_SECONDS} to {_MOST_SECONDS:.0f}"
        raise argparse.ArgumentTypeError(f"must be a number of seconds, {limits}, not {text!r}")
    return found


def _run(options: argparse.Namespace) -> int:
    watch = Watch(load(options.config).config, lambda before: _log(options, before))
    try:
        if options.once or options.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
            return _once(options, watch)
        with Screen() as screen:
            _show(screen, watch, options.interval)
    except KeyboardInterrupt:
        pass
    finally:
        watch.close()
    return os.EX_OK


def _once(options: argparse.Namespace, watch: Watch) -> int:
    """Print one page. Rates need two looks."""
    watch.look()
    time.sleep(options.interval)
    found = watch.look()
    print(json.dumps(found.members()) if options.json else "\n".join(found.drawn(terminal_of(), _ROWS_ONCE)))
    return os.EX_OK if found.state.answers else os.EX_UNAVAILABLE


def _show(screen: Screen, watch: "Watch", seconds: float) -> None:
    due = 0.0
    while True:
        if time.monotonic() >= due:
            screen.draw(watch.look().drawn(terminal_of(), screen.rows))
            due = time.monotonic() + seconds
        if screen.key(due - time.monotonic()) in ("q", "Q"):
            return


def _log(options: argparse.Namespace, before: int) -> FollowedLog:
    try:
        return follow(options.log, options.unit, before)
    except OSError as error:
        raise CommandError(os.EX_NOINPUT, f"{options.log}: {error.strerror}") from error
