"""Settings of the host's own that lines of ours in main.cf override, or turn against its other mail."""

from collections.abc import Iterator

from reply_milter.core.attachment.lists import units
from reply_milter.core.attachment.names import is_ours, refers_to_ours
from reply_milter.core.diagnosis.postfix import syntax
from reply_milter.core.diagnosis.postfix.site import Ours, Site, put
from reply_milter.core.diagnosis.problem import MAIN_CF, Problem, warning

_DELIMITER = "recipient_delimiter"


def examine(site: Site, ours: Ours) -> Iterator[Problem]:
    """Examine the lines of main.cf that stand twice, and the recipients of the host's other relay domains."""
    last = dict(site.entries)
    seen: dict[str, list[str]] = {}
    for name, value in site.entries:
        seen.setdefault(name, []).append(value)
    for name, values in seen.items():
        lost = [] if is_ours(name) else _lost(name, values[:-1], last[name])
        if lost:
            yield _overridden(name, lost, last[name])
    yield from _relay_recipients(site, ours)


def _lost(name: str, earlier: list[str], last: str) -> list[str]:
    """Return what the host has in ``earlier`` lines, and the ``last`` lacks; nothing if that is no line of ours."""
    if name == _DELIMITER:
        return [char for value in earlier[-1:] for char in value if char not in last]
    if not refers_to_ours(last):
        return []
    there = set(units(name, last))
    every = [unit for value in earlier for unit in units(name, value)]
    return list(dict.fromkeys(unit for unit in every if unit not in there and not refers_to_ours(unit)))


def _overridden(name: str, lost: list[str], last: str) -> Problem:
    behind = name in ("smtpd_milters", "relay_domains", _DELIMITER)
    joined = [*lost, last] if behind else [last, *lost]
    return warning(
        "postfix.overridden",
        f"{MAIN_CF}: an earlier line of {name} has {', '.join(lost)}, and the last line, which counts, has not",
        "what this host did before is switched off. `reply-milter postfix attach` joins such lines",
        put(name, ("" if name == _DELIMITER else ", ").join(joined)),
    )


def _of_ours_alone(unit: str) -> bool:
    """Return whether a table refers to settings of ours, and names no address at another domain."""
    domains = unit.split("@")[1:]
    return refers_to_ours(unit) and all(domain.startswith(("$reply_", "${reply_", "$(reply_")) for domain in domains)


def _other_relay_domains(site: Site, ours: Ours) -> list[str]:
    """Return relay domains that have nothing to do with us, and are in no other class of Postfix's domains."""
    known = {*ours.domains, *(mailbox.domain for mailbox in ours.wrapped)}
    for name in ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "reply_application_domains"):
        known |= set(syntax.elements(site.get(name)))
    return [domain for domain in syntax.elements(site.get("relay_domains")) if domain not in known]


def _relay_recipients(site: Site, ours: Ours) -> Iterator[Problem]:
    """Report that all recipients at other relay domains are refused, because the list holds ours alone."""
    name = "relay_recipient_maps"
    written = dict(site.entries).get(name, "")
    listed, others = units(name, written), _other_relay_domains(site, ours)
    if listed and others and all(_of_ours_alone(unit) for unit in listed):
        domains = "|".join(domain.replace(".", "[.]") for domain in ours.domains)
        yield warning(
            "postfix.relay_recipients",
            f"{name} holds reply addresses alone, and relay_domains has {', '.join(others)}, too",
            "Postfix refuses all mail to those domains: it takes their recipients for unknown",
            put(name, f"{written}, regexp:{{ {{ !/@({domains})$$/ OK }} }}"),
        )
