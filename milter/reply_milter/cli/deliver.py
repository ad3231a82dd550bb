"""``deliver``: the delivery hook as a command for Postfix's pipe(8), where LMTP is not available.

Exits with 0 when the hook has the message, else with 75: any other status makes Postfix return the message.
"""

import argparse
import logging
import os
import sys

from reply_milter.adapters import telemetry
from reply_milter.cli.errors import CommandError
from reply_milter.cli.hook_access import hook
from reply_milter.cli.options import add_command, add_config
from reply_milter.config import ConfigError
from reply_milter.core.delivery.outcome import Later
from reply_milter.core.delivery.reply import Envelope
from reply_milter.flows.delivering.delivery import deliver
from reply_milter.flows.delivering.parking import maintain_parking
from reply_milter.flows.delivering.service import HookService

log = logging.getLogger(__name__)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(
        commands, "deliver", _run, "take one accepted reply from standard input: the hook for pipe(8); exit 0 or 75"
    )
    parser.add_argument("--from", metavar="A", dest="sender", default="", help="the envelope sender: ${sender}")
    parser.add_argument("--rcpt", metavar="A", default="", help="the envelope recipient: ${original_recipient}")
    add_config(parser)


def _run(options: argparse.Namespace) -> int:
    telemetry.log_to_stderr(as_json=False, level="info")
    try:
        service = hook(options)
        handed = deliver(service, Envelope(options.sender, options.rcpt, sys.stdin.buffer.read()))
        _maintain_parking(service)
    except ConfigError as error:
        raise CommandError(os.EX_TEMPFAIL, "; ".join(error.problems)) from error
    except CommandError as error:
        raise CommandError(os.EX_TEMPFAIL, str(error)) from error
    except Exception as error:
        log.exception("the delivery of a message failed")
        raise CommandError(os.EX_TEMPFAIL, f"the message was not accepted: {error}") from error
    if isinstance(handed, Later):
        raise CommandError(os.EX_TEMPFAIL, f"try again later: {handed.why}")
    return os.EX_OK


def _maintain_parking(service: HookService) -> None:
    """Ask users about parked replies and expire old ones: without an LMTP service, only this command does so."""
    try:
        maintain_parking(service)
    except Exception:
        log.exception("the maintenance of parked replies failed")  # the message itself is delivered in any case
