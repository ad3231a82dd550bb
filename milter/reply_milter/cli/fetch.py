"""``fetch``: replies out of mailboxes, without a daemon: once, for cron, or until it is stopped."""

import argparse
import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Sequence

from reply_milter.adapters import telemetry
from reply_milter.adapters.handlers.plugins import PlugInError
from reply_milter.adapters.os.host_names import HostNames
from reply_milter.adapters.state_dir.deliveries import RecordError
from reply_milter.cli.embedded_store import reachable_store
from reply_milter.cli.errors import CommandError
from reply_milter.cli.hook_access import become_owner, delivery_of
from reply_milter.cli.options import add_command, add_config
from reply_milter.config.imap import ImapSettings
from reply_milter.flows.delivering.parking import maintain_parking
from reply_milter.flows.fetching.follow import Pace, follow
from reply_milter.flows.fetching.look import look
from reply_milter.flows.fetching.service import FetchService
from reply_milter.ports import StoreUnavailableError
from reply_milter.ports.mailbox import MailboxRefusedError, MailboxUnavailableError
from reply_milter.wiring.fetching import FetchReporting, open_fetch
from reply_milter.wiring.mailboxes import library_problem, open_mailbox
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load

log = logging.getLogger(__name__)

_MAINTENANCE_SECONDS = 15.0
_DRAIN_SECONDS = 10.0  # for the message in progress


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(commands, "fetch", _run, "fetch replies from the mailboxes of [[imap]], without the daemon")
    parser.add_argument("name", nargs="*", metavar="NAME", help="only from the mailboxes of these names")
    parser.add_argument("--once", action="store_true", help="look once, and end: for cron")
    add_config(parser)


def _run(options: argparse.Namespace) -> int:
    settings = load(options.config)
    config = settings.config
    problem = library_problem(config)
    if problem:
        raise CommandError(os.EX_CONFIG, f"{options.config}: {problem}")
    wanted = _wanted(config.imap, options.name, options.config)
    delivery_of(settings, options.config)
    telemetry.log_to_stderr(config.log.json, config.log.level)
    try:
        with reachable_store(config):
            become_owner(config.state_dir)
            services = [_open(options.config, settings, imap) for imap in wanted]
            return max(map(_once, services)) if options.once else _until_stopped(services)
    except StoreUnavailableError as error:
        raise CommandError(os.EX_TEMPFAIL, f"the store gave no answer: {error}; nothing was fetched") from error


def _wanted(known: Sequence[ImapSettings], names: Sequence[str], path: str) -> list[ImapSettings]:
    if not known:
        raise CommandError(os.EX_CONFIG, f"{path}: has no table [[imap]], so there is nothing to fetch from")
    strange = [name for name in names if name not in {one.name for one in known}]
    if strange:
        choice = ", ".join(one.name for one in known)
        raise CommandError(os.EX_USAGE, f"{path}: no [[imap]] has the name {strange[0]!r}; there are: {choice}")
    return [one for one in known if not names or one.name in names]


def _open(path: str, settings: Settings, imap: ImapSettings) -> FetchService:
    decisions = telemetry.DecisionsLogged()
    reporting = FetchReporting(decisions, telemetry.DeliveryLog(), telemetry.FetchLog(imap.name, decisions))
    delivery = delivery_of(settings, path)
    try:
        return open_fetch(settings, delivery, imap, open_mailbox(imap, HostNames()), reporting)
    except PlugInError as error:
        raise CommandError(os.EX_CONFIG, f"{path}: {error}") from error
    except RecordError as error:
        raise CommandError(os.EX_NOPERM, f"{error}; run this command as root or as the daemon's user") from error


def _once(service: FetchService) -> int:
    """Look once. Returns EX_TEMPFAIL if that should be tried again, EX_CONFIG if somebody has to change something."""
    try:
        opened = service.mailbox.open()
        if not look(service, opened.uidvalidity):
            log.info("%s: another fetcher looks at it now", service.rules.identity)
        _maintain_parking(service)
    except MailboxUnavailableError as error:
        return _failed(os.EX_TEMPFAIL, service, error)
    except MailboxRefusedError as error:
        return _failed(os.EX_CONFIG, service, error)
    except RecordError as error:
        return _failed(os.EX_TEMPFAIL, service, error)
    finally:
        service.mailbox.close()
    return os.EX_OK


def _failed(status: int, service: FetchService, error: Exception) -> int:
    print(f"reply-milter: {service.rules.identity}: {error}", file=sys.stderr)
    return status


def _until_stopped(services: Sequence[FetchService]) -> int:
    """Follow all mailboxes until SIGTERM or SIGINT; a message in progress is finished."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ending.set())
    turns = [threading.Lock() for _ in services]
    for service, turn in zip(services, turns, strict=True):
        threading.Thread(target=_follow, args=(service, turn), daemon=True).start()
    while not ending.wait(_MAINTENANCE_SECONDS):
        _maintain_parking(services[0])
    deadline = time.monotonic() + _DRAIN_SECONDS
    for turn in turns:
        turn.acquire(timeout=max(0.0, deadline - time.monotonic()))
    return os.EX_OK


def _follow(service: FetchService, turn: threading.Lock) -> None:
    follow(lambda: service, Pace(time.sleep, random.random, turn))


def _maintain_parking(service: FetchService) -> None:
    """Ask users about parked replies and expire old ones: without an LMTP service, only commands do so."""
    try:
        maintain_parking(service.delivering)
    except Exception:
        log.exception("the maintenance of parked replies failed")  # what was fetched is handled in any case
