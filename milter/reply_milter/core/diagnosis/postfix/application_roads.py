"""Roads to the mailbox of a wrapped application: all of them must lead to the delivery hook."""

import re
from collections.abc import Iterator

from reply_milter.core.diagnosis import endpoint
from reply_milter.core.diagnosis.postfix import syntax
from reply_milter.core.diagnosis.postfix.lookup_keys import DOMAIN_LISTS, of_application
from reply_milter.core.diagnosis.postfix.recipients import (
    ONE_BY_ONE,
    OURS,
    TRANSPORTS,
    domains_above,
    lists,
    recipient_limit,
)
from reply_milter.core.diagnosis.postfix.site import Ours, Site, WrappedMailbox, put
from reply_milter.core.diagnosis.problem import NOTHING_TO_PASTE, Problem, Remedy, error, warning

_UNTOUCHED = "mail that comes there reaches the application as it is, with whatever keys stand in it"


def examine(site: Site, ours: Ours) -> Iterator[Problem]:
    """Examine the roads to each application's mailbox."""
    for mailbox in ours.wrapped:
        classes = [name for name in DOMAIN_LISTS if lists(site, name, mailbox.domain)]
        if not classes:
            yield warning(
                "postfix.application_domain",
                f"Postfix does not accept mail for {mailbox.domain}, the domain of handler {mailbox.handler}",
                "what takes it elsewhere is not seen here, and must lead to the hook alone, too",
            )
            continue
        yield from _aliases(site, mailbox)
        yield from _transports(site, ours, mailbox, classes[0])


def _aliases(site: Site, mailbox: WrappedMailbox) -> Iterator[Problem]:
    for address in mailbox.samples:
        whole, plain = of_application(site, address)
        alias = site.look_up(site.get("virtual_alias_maps"), [whole, plain], [f"@{mailbox.domain}"])
        if alias is not None and alias not in (whole, plain):
            own = _first(site, "virtual_alias_maps", f"/^({_natives(mailbox)})$$/ $$1") if mailbox.names else None
            yield error(
                "postfix.application_alias",
                f"virtual_alias_maps send {address}, an address of handler {mailbox.handler}, to {alias}",
                f"it does not pass the hook: {_UNTOUCHED}",
                own or NOTHING_TO_PASTE,
            )
            return


def _transports(site: Site, ours: Ours, mailbox: WrappedMailbox, kind: str) -> Iterator[Problem]:
    used: dict[str, None] = {}
    for address in mailbox.samples:
        found = _transport(site, mailbox, address, kind)
        if not _leads_to_hook(site, ours, found):
            yield error(
                "postfix.application_road",
                f"mail to {address}, an address of handler {mailbox.handler}, goes to {found or 'no transport'}",
                f"that is not the hook of [delivery]: {_UNTOUCHED}",
                _mend(site, ours, mailbox),
            )
            return
        used[found.partition(":")[0]] = None
    services = {service.name: service.program for service in site.services if service.kind == "unix"}
    for transport in used:
        if services.get(transport) not in ONE_BY_ONE:
            yield from recipient_limit(site, mailbox.domain, transport)


def _transport(site: Site, mailbox: WrappedMailbox, address: str, kind: str) -> str:
    """Return the transport and next hop of an address, as ``transport:nexthop``."""
    default = site.get(TRANSPORTS[kind]) if kind in TRANSPORTS else ""
    found = site.look_up(site.get("transport_maps"), of_application(site, address), domains_above(site, mailbox.domain))
    return found if found and found.partition(":")[0] else default


def _leads_to_hook(site: Site, ours: Ours, found: str) -> bool:
    """Return whether a transport ends at the hook: at its socket, or at the program of contrib/postfix."""
    name, _, nexthop = found.partition(":")
    programs = {service.name: service.program for service in site.services if service.kind == "unix"}
    if name == OURS and programs.get(name) == "pipe":
        return True
    place = endpoint.parse(nexthop)
    if place is None or ours.hook_place is None or programs.get(name) != "lmtp":
        return False
    own = re.sub(r"\.d/[a-z2-7]\Z", "", place.path)  # a queue of a handler
    return endpoint.Endpoint(own, place.host, place.port).reaches(ours.hook_place, site.get("queue_directory"))


def _mend(site: Site, ours: Ours, mailbox: WrappedMailbox) -> Remedy:
    """Return the line that routes the mailbox, with any extension; nothing where its names have no pattern."""
    if not mailbox.names or ours.hook_place is None:
        return NOTHING_TO_PASTE
    path = ours.hook_place.path.removeprefix(site.get("queue_directory").rstrip("/") + "/")
    hop = f"unix:{path}" if path else str(ours.hook_place)
    return _first(site, "transport_maps", f"/^{_natives(mailbox)}$$/ {OURS}:{hop}")


def _natives(mailbox: WrappedMailbox) -> str:
    """A regular expression for all addresses of the mailbox, without anchors and without groups that count."""
    locals_ = "|".join(re.escape(name) for name in mailbox.names)
    delimiters = "".join(sorted(mailbox.delimiters, key=lambda one: (one == "-", one)))  # a hyphen within is a range
    return f"({locals_})([{delimiters}].*)?@{re.escape(mailbox.domain)}"


def _first(site: Site, name: str, line: str) -> Remedy:
    """Return the line that puts a rule before the present tables."""
    table = f"regexp:{{ {{ {line} }} }}"
    return put(name, ", ".join(filter(None, [table, syntax.one_line(site.raw.get(name, ""))])))
