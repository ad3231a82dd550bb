"""What is to be attached: from the command line, an earlier ``attach`` and our configuration."""

import argparse
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

from reply_milter.cli.errors import CommandError
from reply_milter.config import Config
from reply_milter.config.places import Listener
from reply_milter.core.attachment.master_plan import SUBMISSION
from reply_milter.core.attachment.record import Record
from reply_milter.core.attachment.wanted import Choice, Wanted, nexthop_settings
from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.postfix import milters
from reply_milter.core.diagnosis.postfix.site import Site
from reply_milter.doctor.installation import endpoint

_PORT = r"(?::(?P<port>smtp|[1-9][0-9]{0,4}))?"
_LISTEN = re.compile(rf"([0-9.]{{7,15}}){_PORT}", re.ASCII)
_LISTEN_V6 = re.compile(rf"\[([0-9A-Fa-f:.]{{2,45}})\]{_PORT}", re.ASCII)
_MAX_PORT = 65535


def choice(options: argparse.Namespace, config: Config, former: Record | None) -> Choice:
    """Return what is to be attached. What was attached before stays: who wants less detaches first.

    Raises:
        CommandError: the configuration has no socket for it, or layout 2 no address.
    """
    found = former.choice if former is not None else Choice()
    found = replace(
        found,
        layout=options.layout or found.layout,
        hook=options.hook or found.hook,
        sign=options.sign or found.sign,
        listen=_listen(options.listen) if options.listen else "" if options.layout == 1 else found.listen,
    )
    for problem in _problems(config, found):
        raise CommandError(os.EX_CONFIG, f"nothing was changed: {problem}")
    if (found.layout == 2) is not bool(found.listen):
        raise CommandError(
            os.EX_USAGE,
            "--layout 2 and --listen ADDRESS go together: the address to which the reply domain's MX points",
        )
    return found


def _problems(config: Config, found: Choice) -> Iterator[str]:
    if config.verify.place is None:
        yield "the configuration has no verify.socket: there is no milter that Postfix could ask about replies"
    if found.sign and config.sign.place is None:
        yield "--sign needs a table [sign] in the configuration (docs/notifications.md)"
    if found.hook and not (config.delivery and config.delivery.place.socket):
        yield "--hook needs a table [delivery] with listen in the configuration (docs/delivery.md)"


def _listen(text: str) -> str:
    """Return ADDRESS[:PORT] as master.cf has it: ``192.0.2.25:smtp``, ``[2001:db8::25]:smtp``."""
    found = _LISTEN.fullmatch(text) or _LISTEN_V6.fullmatch(text) or _LISTEN_V6.fullmatch(f"[{text}]")
    try:
        if found is None:
            raise ValueError
        address, port = ip_address(found[1]), found["port"] or "smtp"
        if port.isdigit() and int(port) > _MAX_PORT:
            raise ValueError
    except ValueError:
        raise CommandError(
            os.EX_USAGE, f"--listen must be an IP address, with or without :PORT, as 192.0.2.25:25: not {text!r}"
        ) from None
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def wanted(config: Config, found: Choice, site: Site) -> Wanted:
    """Return what the fragments are filled in with, for a Postfix.

    Raises:
        CommandError: its daemons, in their chroot, could not reach one of our sockets.
    """
    form, queue_directory = config.form, site.get("queue_directory")
    domains = (form.mint_domain, *sorted(form.accept_domains - {form.mint_domain}))
    given = {"reply_domain": form.mint_domain}
    for name, place in (("reply_milter", config.verify.place), ("reply_sign_milter", config.sign.place)):
        if place is not None:
            given[name] = milters.entry(_reachable(place, site), queue_directory, {})
    if found.hook and config.delivery is not None:
        place_of_hook = milters.short(_reachable(config.delivery.place, site), queue_directory)
        given |= nexthop_settings(place_of_hook, config.delivery.concurrency)
    return Wanted(found, domains, form.mailbox, form.delimiter, given)


def _reachable(place: Listener, site: Site) -> Endpoint:
    found, queue_directory = endpoint(place), site.get("queue_directory")
    chrooted = any(service.chroot for service in site.smtpd_services())
    if found.path and chrooted and not found.path.startswith(f"{queue_directory}/"):
        raise CommandError(
            os.EX_CONFIG,
            f"nothing was changed: {found} is outside of {queue_directory}, which its smtpd can't leave (chroot):"
            f" set the socket to unix:{queue_directory}/reply-milter/{found.path.rpartition('/')[2]}",
        )
    return found


def remarks(config: Config, new: Record) -> Iterator[str]:
    """Yield what the operator should know of an attachment."""
    if config.delivery is not None and not new.choice.hook:
        yield "note: the configuration has [delivery], but replies go to a Maildir: --hook hands them to it"
    if config.sign.place is not None and not new.choice.sign:
        yield "note: the configuration has [sign], but no notification comes to it: --sign attaches that, too"
    if any(one.service == SUBMISSION and not one.name for one in new.changes):
        yield "note: the service submission is new: it needs smtpd_tls_cert_file, and logins by smtpd_sasl_type"
    if config.handlers.wrapped:
        yield "note: a wrapped application's mailbox takes reply-application.main.cf, too (docs/wrapping.md)"
