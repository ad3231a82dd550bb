"""Tables that change a reply address after we saw it, or a notification's before its reader does."""

from collections.abc import Iterator

from reply_milter.core.diagnosis.postfix import syntax
from reply_milter.core.diagnosis.postfix.questions import REWRITING, VERDICT_FIELD
from reply_milter.core.diagnosis.postfix.site import Ours, Site, put
from reply_milter.core.diagnosis.problem import Problem, Remedy, error, warning

_HARMLESS = frozenset({"DUNNO", "INFO", "WARN", "PREPEND", "BCC"})  # of header_checks(5)
_LETS_VERDICTS_BE = "regexp:{ { /^X-Reply-Verdict:/ DUNNO } }"


def examine(site: Site, ours: Ours) -> Iterator[Problem]:
    """All tables, for all domains whose replies we take."""
    for domain in ours.domains:
        for name in REWRITING:
            changed = _changed(site, ours, name, domain)
            if changed:
                yield error(
                    f"postfix.{name.removesuffix('_maps')}",
                    f"{name} makes {changed} of reply addresses at {domain}",
                    "whoever takes the reply, or reads the notification, finds another address",
                    _keep(site, ours, name, domain),
                )
        changed = _changed(site, ours, "virtual_alias_maps", domain)
        if changed:
            yield warning(
                "postfix.virtual_alias",
                f"virtual_alias_maps makes {changed} of reply addresses at {domain}",
                "it does so after we saw the address: the transport of the reply domain is not asked",
                _keep(site, ours, "virtual_alias_maps", domain),
            )
        yield from _masquerading(site, domain)
    action = site.look_up(site.get("milter_header_checks"), [VERDICT_FIELD]) or "DUNNO"
    if action.split()[0].upper() not in _HARMLESS:
        yield error(
            "postfix.header_checks",
            "milter_header_checks match X-Reply-Verdict",
            "a verdict that is changed or taken off leaves a reply unverified",
            _first(site, "milter_header_checks", _LETS_VERDICTS_BE),
        )


def _changed(site: Site, ours: Ours, name: str, domain: str) -> str | None:
    """What a list of tables makes of a reply address; None if it stays."""
    whole, plain = ours.addresses(domain)
    changed = site.look_up(site.get(name), [whole, plain], [f"@{domain}"])
    return None if changed in (whole, plain) else changed


def _keep(site: Site, ours: Ours, name: str, domain: str) -> Remedy:
    """Make reply addresses of themselves, before other tables are asked."""
    return _first(site, name, f"regexp:{{ {{ /^({ours.pattern(domain)})$$/ $$1 }} }}")


def _first(site: Site, name: str, table: str) -> Remedy:
    """Put a table before those that are there."""
    return put(name, ", ".join(filter(None, [table, syntax.one_line(site.raw.get(name, ""))])))


def _masquerading(site: Site, domain: str) -> Iterator[Problem]:
    """``masquerade_domains`` cuts what stands before a domain: also off the reply domain in Reply-To."""
    for element in syntax.elements(site.get("masquerade_domains")):
        if domain == element.removeprefix("!") or domain.endswith(f".{element.removeprefix('!')}"):
            if element != domain and not element.startswith("!"):
                yield error(
                    "postfix.masquerade",
                    f"masquerade_domains makes {element} of {domain}",
                    "notifications leave with a Reply-To at a domain where nothing answers",
                    _first(site, "masquerade_domains", f"!{domain}"),
                )
            return


def broken_tables(site: Site) -> Iterator[Problem]:
    """Tables that gave no answer."""
    for table, reason in site.broken.items():
        yield warning(
            "postfix.table",
            f"{table} could not be read: {reason}",
            "Postfix can't read it either, and defers mail; nothing could be said about what is in it",
        )
