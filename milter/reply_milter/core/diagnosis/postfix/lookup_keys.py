"""The keys to look up in Postfix's tables, before the rules examine the answers."""

from collections.abc import Iterable, Iterator, Mapping

from reply_milter.core.diagnosis.postfix import syntax
from reply_milter.core.diagnosis.postfix.site import Ours, Site, parents

DOMAIN_LISTS = ("mydestination", "relay_domains", "virtual_alias_domains", "virtual_mailbox_domains")
MAILBOX_LISTS = ("relay_recipient_maps", "virtual_alias_maps", "virtual_mailbox_maps")
REWRITING = ("canonical_maps", "recipient_canonical_maps", "sender_canonical_maps", "smtp_generic_maps")
VERDICT_FIELD = "X-Reply-Verdict: v=1; result=pass"
SHAPED_SIGNATURE = "DKIM-Signature: v=1; d=example.com; i=x=3B=20dkim=3Dpass@example.com; s=s; b=AAAA"
HEADER_CHECKS = ("header_checks", "nested_header_checks", "mime_header_checks")
STRANGERS = ("192.0.2.1", "2001:db8::1")  # RFC 5737, RFC 3849: clients that no table lists
RESTRICTIONS = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")


def forged_result(authserv_id: str) -> str:
    """Return a field that a client might forge."""
    return f"Authentication-Results: {authserv_id}; dkim=pass"


def lookup_keys(site: Site, ours: Ours) -> Mapping[str, tuple[str, ...]]:
    """Return all keys that a rule may need, by table."""
    asked: dict[str, dict[str, None]] = {}
    for value, keys in _all(site, ours):
        for table in syntax.tables(value):
            asked.setdefault(table, {}).update(dict.fromkeys(keys))
    return {table: tuple(keys) for table, keys in asked.items()}


def _all(site: Site, ours: Ours) -> Iterator[tuple[str, Iterable[str]]]:
    yield site.get("milter_header_checks"), (VERDICT_FIELD,)
    yield from _about_results(site, ours)
    yield from _about_applications(site, ours)
    for service in site.smtpd_services():
        yield service.get("smtpd_milter_maps"), STRANGERS
    for domain in ours.domains:
        addresses = (*ours.addresses(domain), f"@{domain}")
        domains = (domain, *parents(domain), *(f".{parent}" for parent in parents(domain)))
        for name in DOMAIN_LISTS:
            yield site.get(name), domains
        for name in (*MAILBOX_LISTS, *REWRITING):
            yield site.get(name), addresses
        yield site.get("transport_maps"), (*addresses[:2], *domains, "*")
        for service in site.smtpd_services():
            for name in RESTRICTIONS:
                yield access_tables(service.get(name)), access_keys(ours, domain)


def _about_applications(site: Site, ours: Ours) -> Iterator[tuple[str, Iterable[str]]]:
    for mailbox in ours.wrapped:
        above = parents(mailbox.domain)
        domains = (mailbox.domain, *above, *(f".{parent}" for parent in above))
        addresses = dict.fromkeys(key for sample in mailbox.samples for key in of_application(site, sample))
        for name in DOMAIN_LISTS:
            yield site.get(name), domains
        yield site.get("virtual_alias_maps"), (*addresses, f"@{mailbox.domain}")
        yield site.get("transport_maps"), (*addresses, *domains, "*")


def of_application(site: Site, address: str) -> tuple[str, str]:
    """Return an address with and without its extension, as Postfix splits it."""
    local, _, domain = address.rpartition("@")
    ends = [local.find(delimiter, 1) for delimiter in site.get("recipient_delimiter")]
    end = min((one for one in ends if one > 0), default=len(local))
    return address, f"{local[:end]}@{domain}"


def _about_results(site: Site, ours: Ours) -> Iterator[tuple[str, Iterable[str]]]:
    if ours.authserv_id:
        for name in HEADER_CHECKS:
            yield site.get(name), (forged_result(ours.authserv_id), SHAPED_SIGNATURE)


def access_tables(restrictions: str) -> str:
    """Return the tables that recipients are looked up in, as a list in Postfix's syntax."""
    return " ".join(about for name, about in syntax.restrictions(restrictions) if name == "check_recipient_access")


def access_keys(ours: Ours, domain: str) -> tuple[str, ...]:
    """Return the keys by which access(5) looks a recipient up: address, domain, its parents, then the mailbox."""
    local = f"{ours.form.mailbox}@" if ours.form.mailbox else ""
    above = (*parents(domain), *(f".{parent}" for parent in parents(domain)))
    return tuple(filter(None, (*ours.addresses(domain), domain, *above, local)))
