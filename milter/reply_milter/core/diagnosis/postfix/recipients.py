"""How Postfix treats the reply domain: its address class, delimiter, mailboxes, and transport."""

import re
from collections.abc import Iterator

from reply_milter.core.diagnosis.postfix import syntax
from reply_milter.core.diagnosis.postfix.lookup_keys import DOMAIN_LISTS
from reply_milter.core.diagnosis.postfix.site import MasterService, Ours, Site, parents, put
from reply_milter.core.diagnosis.problem import MASTER_CF, Problem, Remedy, error, note, warning

# Where a class lists its mailboxes, and its default transport.
_MAILBOXES = {"relay_domains": "relay_recipient_maps", "virtual_mailbox_domains": "virtual_mailbox_maps"}
TRANSPORTS = {
    "mydestination": "local_transport",
    "virtual_mailbox_domains": "virtual_transport",
    "relay_domains": "relay_transport",
}
_THROWN_AWAY = frozenset({"error", "retry", "discard"})
ONE_BY_ONE = frozenset({"smtp", "relay", "local", "virtual"})  # to other hosts, or always one recipient at a time
OURS = "reply-delivery"
_TCP_NAME = re.compile(r"inet:[^\s{}/]{1,300}\.d/\w")


def examine(site: Site, ours: Ours) -> Iterator[Problem]:
    """Examine all domains whose replies we accept."""
    yield from _delimiter(site, ours)
    yield from _queue_names(site)
    for domain in ours.domains:
        classes = [name for name in DOMAIN_LISTS if lists(site, name, domain)]
        if not classes:
            yield error(
                "postfix.domain",
                f"Postfix does not accept mail for {domain}",
                "replies are refused, or relayed elsewhere",
                put("relay_domains", ", ".join(filter(None, [_written(site, "relay_domains"), domain]))),
            )
            continue
        yield from _mailbox(site, ours, domain, classes[0])
        yield from _transport(site, ours, domain, classes[0])


def _written(site: Site, name: str) -> str:
    return syntax.one_line(site.raw.get(name, ""))


def lists(site: Site, name: str, domain: str) -> bool:
    """Return whether a list of domains contains ``domain`` or one of its parents."""
    with_subdomains = name in syntax.elements(site.get("parent_domain_matches_subdomains"))
    above = parents(domain)
    wanted = {domain, *(above if with_subdomains else (f".{parent}" for parent in above))}
    for element in syntax.elements(site.get(name)):
        if element.startswith("!") and element[1:] in wanted:
            return False
        if element.lower() in wanted or (syntax.is_table(element) and site.look_up(element, wanted) is not None):
            return True
    return False


def _delimiter(site: Site, ours: Ours) -> Iterator[Problem]:
    if not ours.form.mailbox:
        return
    delimiters, own = site.get("recipient_delimiter"), ours.form.delimiter
    if own not in delimiters:
        yield error(
            "postfix.delimiter",
            f"recipient_delimiter is {delimiters or 'empty'}, and address.delimiter {own}",
            f"{ours.form.prefix}TOKEN is not delivered as {ours.form.mailbox}",
            put("recipient_delimiter", own),
        )
    elif delimiters != own:
        yield warning(
            "postfix.delimiter",
            f"recipient_delimiter is {delimiters}, but reply addresses use only {own}",
            f"addresses that another delimiter splits, such as {ours.form.mailbox}-to@, reach our mailbox unchecked",
            put("recipient_delimiter", own),
        )


def _mailbox(site: Site, ours: Ours, domain: str, kind: str) -> Iterator[Problem]:
    """Examine whether Postfix knows the mailbox, and refuses all others at the domain."""
    if kind == "mydestination":
        yield note(
            "postfix.local_domain",
            f"{domain} is one of mydestination: aliases and .forward files apply to replies",
            "a separate domain in relay_domains avoids that",
        )
        if site.get("luser_relay"):
            yield warning(
                "postfix.luser_relay",
                f"luser_relay is {site.get('luser_relay')}",
                f"replies to a mailbox without a user go there, and bypass the transport for {domain}",
                put("luser_relay", ""),
            )
    maps = _MAILBOXES.get(kind)
    if maps is None:
        return
    whole, plain = ours.addresses(domain)
    if not site.get(maps):
        if kind == "relay_domains":
            yield warning(
                "postfix.unlisted",
                f"{maps} is empty: Postfix accepts any address at {domain}",
                "mail to other addresses is accepted, too, and bounces to senders that may be forged",
                put(maps, f"inline:{{ {{ {plain} = OK }} }}"),
            )
        return
    broken = any(table in site.broken for table in syntax.tables(site.get(maps)))
    if not broken and site.look_up(site.get(maps), [whole, plain], [f"@{domain}"]) is None:
        listed = ", ".join(filter(None, [_written(site, maps), f"inline:{{ {{ {plain} = OK }} }}"]))
        yield error(
            "postfix.unknown_mailbox",
            f"{maps} does not hold {plain}",
            "Postfix refuses replies before it asks the milter",
            put(maps, listed),
        )


def domains_above(site: Site, domain: str) -> tuple[str, ...]:
    """Return the keys by which transport(5) looks a domain up."""
    above = parents(domain)
    inherits = "transport_maps" in syntax.elements(site.get("parent_domain_matches_subdomains"))
    return (domain, *(above if inherits else (f".{parent}" for parent in above)), "*")


def _transport(site: Site, ours: Ours, domain: str, kind: str) -> Iterator[Problem]:
    """Examine which transport takes replies, and whether it takes one recipient at a time."""
    name = TRANSPORTS.get(kind)
    whole, plain = ours.addresses(domain)
    found = site.look_up(site.get("transport_maps"), [whole, plain], domains_above(site, domain)) or ""
    transport = found.partition(":")[0] or (site.get(name).partition(":")[0] if name else "")
    if not transport:
        return
    services = {service.name: service for service in site.services if service.kind == "unix"}
    ours_first = f"regexp:{{ {{ /^{ours.pattern(domain)}$$/ {OURS}: }} }}"
    mend = put("transport_maps", ", ".join(filter(None, [ours_first, _written(site, "transport_maps")])))
    if transport in _THROWN_AWAY:
        yield error(
            "postfix.transport",
            f"the transport of {domain} is {found or transport}",
            "accepted replies are discarded, or bounce",
            mend,
        )
    elif transport not in services:
        yield error(
            "postfix.transport",
            f"the transport of {domain} is {transport}, which master.cf does not have",
            "accepted replies wait in the queue",
            Remedy(MASTER_CF, f"{transport} unix - - y - - lmtp"),
        )
    elif services[transport].program not in ONE_BY_ONE:
        yield from recipient_limit(site, domain, transport)
        yield from _line_length(services[transport])


def _line_length(service: MasterService) -> Iterator[Problem]:
    """Report that Postfix breaks long lines for a transport by LMTP (RFC 5321 section 4.5.3.1.6)."""
    name = "lmtp_line_length_limit"
    if service.program == "lmtp" and service.get(name) != "0":
        yield warning(
            "postfix.line_length",
            f"{service.where(name)}: {name} is {service.get(name)} for {service}",
            "Postfix breaks longer lines in two, within words, tags of HTML and UTF-8 characters:"
            " the application gets damaged text",
            Remedy(MASTER_CF, f"  -o {name}=0", str(service)),
        )


def _queue_names(site: Site) -> Iterator[Problem]:
    """Report a queue name per handler on a TCP socket: only a unix socket can have such names."""
    named = _TCP_NAME.search(site.get("transport_maps"))
    if named:
        yield error(
            "postfix.queue_names",
            f"transport_maps send replies to {named[0]}, and so on",
            "Postfix's lmtp reads no name after a TCP port: replies that were accepted wait in the queue",
            put("reply_handler_queues", ""),
        )


def recipient_limit(site: Site, domain: str, transport: str) -> Iterator[Problem]:
    """Examine whether a transport of ``domain`` takes one recipient at a time."""
    name = f"{transport}_destination_recipient_limit"
    if site.get(name) != "1":
        yield warning(
            "postfix.recipient_limit",
            f"{name} is {site.get(name) or site.get('default_destination_recipient_limit')}",
            f"the transport of {domain} may get a reply together with other recipients",
            put(name, "1"),
        )
