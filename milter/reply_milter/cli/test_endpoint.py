"""``test-endpoint``: check that a webhook accepts each reply once, and refuses unsigned ones; or try an SMTP server."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from reply_milter import libraries
from reply_milter.adapters.handlers.check import Check
from reply_milter.adapters.handlers.smtp_trial import SmtpTrial
from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.os.host_names import HostNames
from reply_milter.cli.errors import CommandError
from reply_milter.cli.foreign_text import printable
from reply_milter.cli.options import add_command, add_config, add_json, whole_number
from reply_milter.config.destinations import smtp_of, webhook_of
from reply_milter.core.verdict.destination import Format, SmtpRelay, Webhook
from reply_milter.wiring.stores import load


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "test-endpoint",
        _run,
        "post test replies to a webhook; say whether it accepts each once and refuses unsigned ones; "
        "or hand them to an SMTP server; exit 1 if something is wrong. "
        "The replies are by user 0 for the handler test-endpoint",
    )
    parser.add_argument("url", metavar="URL", help="the endpoint; inet:PORT@HOST for an SMTP server")
    parser.add_argument(
        "--secret-file",
        default="",
        metavar="FILE",
        help="holds whsec_...; - for standard input; without it, the secret of the handler with this url",
    )
    parser.add_argument("--format", choices=[form.value for form in Format], help="json, or raw as Rails takes it")
    parser.add_argument("--timeout", type=whole_number, default=30, metavar="SECONDS", help="for each answer")
    parser.add_argument(
        "--count-url",
        default="",
        metavar="URL",
        help="{id} in it stands for a reply's id; answers with the number of posts that the endpoint made of it",
    )
    parser.add_argument(
        "--recipient",
        default="",
        metavar="ADDRESS",
        help="for an SMTP server: whom the reply is to; tls and login are those of the handler with this address",
    )
    add_json(parser)
    add_config(parser)


def _run(options: argparse.Namespace) -> int:
    smtp = options.url.startswith("inet:")
    checks = list(_tried_smtp(options) if smtp else _tried_webhook(options))
    if options.json:
        print(json.dumps([asdict(check) for check in checks]))
    for check in checks if not options.json else ():
        print(f"{'ok  ' if check.good else 'FAIL'} {check.name}: {printable(check.heard)}")
        if not check.good:
            print(f"     {check.advice}")
    if not options.json and not options.count_url and not smtp and checks[0].good:
        print("Check that each of the two replies was posted once; with --count-url this command checks that itself.")
    return os.EX_OK if all(check.good for check in checks) else 1


def _tried_webhook(options: argparse.Namespace) -> Iterator[Check]:
    # aiohttp takes long to import, and the other commands don't need it.
    libraries.check(*libraries.POSTING)
    from reply_milter.adapters.handlers.conformance import ConformanceRun

    if options.recipient:
        raise CommandError(os.EX_USAGE, "--recipient is for an SMTP server, inet:PORT@HOST")
    if options.count_url and not options.count_url.startswith(("http://", "https://")):
        raise CommandError(os.EX_USAGE, "--count-url must be an http:// or https:// URL")
    return ConformanceRun(_webhook(options), WallClock(), options.count_url, HostNames()).run()


def _tried_smtp(options: argparse.Namespace) -> Iterator[Check]:
    if options.secret_file or options.format or options.count_url:
        raise CommandError(os.EX_USAGE, "--secret-file, --format and --count-url are for a webhook")
    return SmtpTrial(_smtp(options), WallClock(), HostNames()).run()


def _smtp(options: argparse.Namespace) -> SmtpRelay:
    """Build the destination from the command line, with TLS and login of the handler that has the same address."""
    given, problems = smtp_of({"address": options.url, "timeout_seconds": options.timeout})
    if problems:
        raise CommandError(os.EX_USAGE, "; ".join(problems))
    handlers = load(options.config).config.handlers.by_id.values() if os.path.exists(options.config) else ()
    found = [one.destination for one in handlers if isinstance(one.destination, SmtpRelay)]
    same = next((one for one in found if (one.host, one.port) == (given.host, given.port)), given)
    return replace(same, timeout_seconds=given.timeout_seconds, recipient=options.recipient or same.recipient)


def _webhook(options: argparse.Namespace) -> Webhook:
    """Build the webhook from the command line, completed by the configuration, if there is one."""
    configured, secret = None, _secret(options.secret_file)
    if not secret and os.path.exists(options.config):
        handlers = load(options.config).config.handlers.by_id.values()
        destinations = (handler.destination for handler in handlers)
        configured = next((one for one in destinations if isinstance(one, Webhook) and one.url == options.url), None)
    signed = {"secret": secret} if secret else {}
    given, problems = webhook_of({"url": options.url, "timeout_seconds": options.timeout, **signed})
    if problems:
        raise CommandError(os.EX_USAGE, "; ".join(problems))
    form = Format(options.format) if options.format else configured.format if configured else Format.JSON
    secrets = given.secrets or (configured.secrets if configured else ())
    return Webhook(given.url, secrets, form, given.timeout_seconds)


def _secret(path: str) -> str:
    """Read the secret from a file. It is never an argument, because other users of the host can see arguments."""
    if not path:
        return ""
    try:
        secret = sys.stdin.read() if path == "-" else Path(path).read_text()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise CommandError(os.EX_NOINPUT, f"{path}: {reason}") from None
    if not secret.strip():
        raise CommandError(os.EX_DATAERR, f"{path}: contains no secret; leave out --secret-file to send unsigned")
    return secret
