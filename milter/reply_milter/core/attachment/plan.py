"""Which changes attach this program to a Postfix: ours joined with what the host has."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from reply_milter.core.attachment import master_plan
from reply_milter.core.attachment.change import Change, Host, Texts
from reply_milter.core.attachment.lists import join, same, units
from reply_milter.core.attachment.names import inherits_smtpd, is_ours
from reply_milter.core.attachment.wanted import Wanted
from reply_milter.core.diagnosis.postfix import milters, syntax

_DELIMITER: Final = "recipient_delimiter"
_BEHIND: Final = frozenset({"smtpd_milters", "relay_domains"})  # the host's own words come first there
_ONCE: Final = frozenset({"smtpd_forbid_bare_newline", "disable_vrfy_command"})  # what the host says holds
_LOCAL: Final = "non_smtpd_milters"
# What an operator may have set in lines of ours, and keeps when this program attaches again.
_KEPT: Final = re.compile(r"reply_(?:mail_base|dkim_signer|application_[a-z]{1,32})", re.ASCII)
_MILTERS: Final = frozenset({"reply_milter", "reply_sign_milter"})


def changes(host: Host, wanted: Wanted, fragments: Texts, kept: Mapping[str, str]) -> tuple[Change, ...]:
    """Return all changes, in ``host``, where nothing of ours is attached.

    ``kept``: settings of ours as the operator has them now, from an earlier ``attach`` or from fragments.
    """
    found = (Change("", name, host.main.get(name), after) for name, after in _settings(host, wanted, fragments, kept))
    every = (*found, *master_plan.changes(host, wanted, fragments))
    return tuple(change for change in every if not same(change.before, change.after))


def _settings(host: Host, wanted: Wanted, fragments: Texts, kept: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    ours = wanted.settings(fragments)
    ours |= {name: value for name, value in kept.items() if _is_kept(name, value, ours)}
    for name, value in ours.items():
        if is_ours(name):
            yield name, value
        elif name == _DELIMITER:
            yield name, _delimiters(host, wanted)
        elif name not in _ONCE:
            yield name, join(name, host.value(name), _units(host, wanted, name, value), name not in _BEHIND)
        elif name not in host.main and name in host.site.main:
            yield name, value


def _is_kept(name: str, value: str, ours: Mapping[str, str]) -> bool:
    """Return whether the operator's ``value`` stays: it is theirs to choose, and a milter's leads to our socket."""
    if name in _MILTERS and name in ours:
        now, new = milters.read(value), milters.read(ours[name])
        return len(now) == 1 and now[0].place == new[0].place
    return name in ours if name == "reply_mail_base" else bool(value) and _KEPT.fullmatch(name) is not None


def _delimiters(host: Host, wanted: Wanted) -> str:
    now = host.site.get(_DELIMITER)
    return now if not wanted.mailbox or wanted.delimiter in now else now + wanted.delimiter


def _units(host: Host, wanted: Wanted, name: str, value: str) -> list[str]:
    """Return what is to be added to the host's list ``name``; ``value`` is what a host without such a list has."""
    ours = units(name, value)
    if name == "relay_domains":
        return [*ours, *wanted.domains[1:]]
    if name == "transport_maps" and host.value(name):
        return [_of_whole_addresses(unit, wanted) for unit in ours]
    if name == "relay_recipient_maps" and host.value("relay_domains") and not host.value(name):
        return [*ours, f"regexp:{{ {{ !/@{wanted.pattern()}$$/ OK }} }}"]
    if name == _LOCAL and wanted.choice.layout == 1 and inherits_smtpd(host.value(name)):
        return [unit for unit in ours if unit != "$reply_milter"]  # it comes with $smtpd_milters, and is asked once
    return ours


def _of_whole_addresses(unit: str, wanted: Wanted) -> str:
    """Return a table of domains as one of patterns: Postfix looks up whole addresses in all tables before domains."""
    found = re.fullmatch(r"inline:\{ \{ \$reply_domain = (\S{1,200}) \}.{0,9000}\}", unit)
    return f"regexp:{{ {{ /@{wanted.pattern()}$$/ {found[1]} }} }}" if found else unit


def refusals(host: Host, wanted: Wanted) -> Iterator[str]:
    """Yield why ``host`` can't be attached before its operator has changed something, a sentence each."""
    for name in ("mydestination", "virtual_mailbox_domains", "virtual_alias_domains"):
        listed = {element.lower() for element in syntax.elements(host.site.get(name))}
        for domain in wanted.domains:
            if domain in listed:
                yield f"{name} has {domain}: reply addresses need a domain of their own; take it out there"
    yield from master_plan.refusals(host, wanted)
