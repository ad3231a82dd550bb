"""Options that several commands share."""

import argparse
import os
import re
from collections.abc import Callable

from reply_milter.adapters.os.clock import WallClock

DEFAULT_CONFIG = os.environ.get("REPLY_MILTER_CONFIG", "/etc/reply-milter/reply-milter.toml")


def whole_number(text: str) -> int:
    """Read an argument: decimal digits, optionally with a sign.

    Raises:
        ArgumentTypeError: any other text; ``int`` accepts ``1_000`` and other scripts' digits, too.
    """
    if not re.fullmatch(r"-?[0-9]{1,20}", text):
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}")
    return int(text)


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    action: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    """Declare a sub-command with its one-line description."""
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(action=action)
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config FILE``."""
    parser.add_argument(
        "--config", metavar="FILE", default=DEFAULT_CONFIG, help=f"the configuration file ({DEFAULT_CONFIG})"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare ``--json``."""
    parser.add_argument("--json", action="store_true", help="write JSON")


def add_at(parser: argparse.ArgumentParser) -> None:
    """Declare ``--at UNIX``, a time to use instead of the current one."""
    parser.add_argument("--at", metavar="UNIX", type=whole_number, help="use this as the current time, in Unix seconds")


def moment(options: argparse.Namespace) -> int:
    """Return the time that a command works with, in Unix seconds."""
    return WallClock().now() if options.at is None else int(options.at)
