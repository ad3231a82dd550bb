"""Tables that change a reply address after the milter saw it, or in an outgoing notification."""

from collections.abc import Iterator

from reply_milter.core.diagnosis.postfix import syntax
from reply_milter.core.diagnosis.postfix.lookup_keys import REWRITING, VERDICT_FIELD
from reply_milter.core.diagnosis.postfix.site import Ours, Site, put
from reply_milter.core.diagnosis.problem import Problem, Remedy, error, warning

_HARMLESS = frozenset({"DUNNO", "INFO", "WARN", "PREPEND", "BCC"})  # of header_checks(5)
_LETS_VERDICTS_BE = "regexp:{ { /^X-Reply-Verdict:/ DUNNO } }"


def examine(site: Site, ours: Ours) -> Iterator[Problem]:
    """Examine all tables, for all domains whose replies we accept."""
    for domain in ours.domains:
        for name in REWRITING:
            changed = _changed(site, ours, name, domain)
            if changed:
                yield error(
                    f"postfix.{name.removesuffix('_maps')}",
                    f"{name} changes reply addresses at {domain} to {changed}",
                    "the receiver of the reply, or of the notification, sees another address",
                    _keep(site, ours, name, domain),
                )
        changed = _changed(site, ours, "virtual_alias_maps", domain)
        if changed:
            yield warning(
                "postfix.virtual_alias",
                f"virtual_alias_maps changes reply addresses at {domain} to {changed}",
                "it does so after the milter saw the address: the transport of the reply domain is not used",
                _keep(site, ours, "virtual_alias_maps", domain),
            )
        yield from _masquerading(site, domain)
    action = site.look_up(site.get("milter_header_checks"), [VERDICT_FIELD]) or "DUNNO"
    if action.split()[0].upper() not in _HARMLESS:
        yield error(
            "postfix.header_checks",
            "milter_header_checks match X-Reply-Verdict",
            "if they change or remove a verdict, the reply is unverified",
            _first(site, "milter_header_checks", _LETS_VERDICTS_BE),
        )


def _changed(site: Site, ours: Ours, name: str, domain: str) -> str | None:
    """Return what a list of tables changes a reply address to; None if they keep it."""
    whole, plain = ours.addresses(domain)
    changed = site.look_up(site.get(name), [whole, plain], [f"@{domain}"])
    return None if changed in (whole, plain) else changed


def _keep(site: Site, ours: Ours, name: str, domain: str) -> Remedy:
    """Return the line that maps reply addresses to themselves, before other tables."""
    return _first(site, name, f"regexp:{{ {{ /^({ours.pattern(domain)})$$/ $$1 }} }}")


def _first(site: Site, name: str, table: str) -> Remedy:
    """Return the line that puts a table before the present ones."""
    return put(name, ", ".join(filter(None, [table, syntax.one_line(site.raw.get(name, ""))])))


def _masquerading(site: Site, domain: str) -> Iterator[Problem]:
    """Examine ``masquerade_domains``: they strip subdomains, also from the reply domain in Reply-To."""
    for element in syntax.elements(site.get("masquerade_domains")):
        if domain == element.removeprefix("!") or domain.endswith(f".{element.removeprefix('!')}"):
            if element != domain and not element.startswith("!"):
                yield error(
                    "postfix.masquerade",
                    f"masquerade_domains changes {domain} to {element}",
                    "notifications leave with a Reply-To at a domain that takes no replies",
                    _first(site, "masquerade_domains", f"!{domain}"),
                )
            return


def broken_tables(site: Site) -> Iterator[Problem]:
    """Report tables that could not be read."""
    for table, reason in site.broken.items():
        yield warning(
            "postfix.table",
            f"{table} could not be read: {reason}",
            "Postfix cannot read it either, and defers mail; its content was not examined",
        )
