"""``postfix``: attach this program to Postfix, take it out again, say whether it is attached."""

import argparse

from reply_milter.cli.options import add_command, add_config, add_json
from reply_milter.cli.postfix import attach, detach, status

_FOLDER = "/etc/postfix"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its deeds."""
    deeds = add_command(
        commands, "postfix", status.run, "attach this program to Postfix, and take it out"
    ).add_subparsers(metavar="DEED", required=True)
    _add_attach(deeds)
    parser = add_command(deeds, "detach", detach.run, "take everything of ours out of Postfix's configuration")
    _add_place(parser)
    _add_yes(parser)
    parser.add_argument("--force", action="store_true", help="also while accepted replies wait in Postfix's queue")
    parser = add_command(
        deeds, "status", status.run, "exit 0 if nothing of ours is attached to Postfix, 1 if something is"
    )
    _add_place(parser)
    add_json(parser)


def _add_attach(deeds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(deeds, "attach", attach.run, "join this program with what main.cf and master.cf have")
    parser.add_argument(
        "--layout", type=int, choices=(1, 2), help="1: every smtpd asks the milter; 2: a separate one (1, if not given)"
    )
    parser.add_argument(
        "--listen", metavar="ADDRESS[:PORT]", help="beside --layout 2: where the separate smtpd listens"
    )
    parser.add_argument(
        "--hook", action="store_true", help="accepted replies go to the delivery hook, not to a Maildir"
    )
    parser.add_argument(
        "--sign", action="store_true", help="applications' notifications get reply addresses (sign mode)"
    )
    _add_place(parser)
    _add_yes(parser)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c", "--postfix", metavar="DIR", default=_FOLDER, help=f"the folder of Postfix's configuration ({_FOLDER})"
    )
    add_config(parser)


def _add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="change the files without asking")
