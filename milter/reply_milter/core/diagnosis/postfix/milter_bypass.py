"""Services of master.cf that accept mail for the reply domain without asking the milter."""

import re
from collections.abc import Iterator

from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.postfix import milters, syntax
from reply_milter.core.diagnosis.postfix.lookup_keys import RESTRICTIONS, STRANGERS, access_keys
from reply_milter.core.diagnosis.postfix.site import MasterService, Ours, Site, put
from reply_milter.core.diagnosis.problem import MAIN_CF, MASTER_CF, Problem, Remedy, error, note, warning

_NO_MILTERS = "no_milters"
_LOOPBACK = ("127.", "localhost:", "[::1]:", "::1:")
_UNSEEN = "replies are accepted unverified, without a seal"
_REFUSAL = re.compile(r"reject|defer|[45]\d\d\s|[45]\.\d", re.IGNORECASE)  # of access(5)
_PERMISSION = re.compile(r"ok|permit|\d+", re.IGNORECASE)


def asks(site: Site, ours: Ours, service: MasterService) -> bool:
    """Return whether a service asks the milter."""
    listed = milters.find(service.get("smtpd_milters"), ours.verify, site.get("queue_directory")) is not None
    return listed and not _switched_off(service)


def examine(site: Site, ours: Ours, verify: Endpoint) -> Iterator[Problem]:
    """Examine all services; ``verify`` is the socket that they should ask."""
    services = list(site.smtpd_services())
    if not any(asks(site, ours, service) for service in services):
        yield from _not_asked(site, verify, services)
        return
    for service in services:
        if asks(site, ours, service):
            yield from _maps(site, service)
        elif _switched_off(service) and not takes_back(service):
            yield _no_milters(service)
        elif not _is_filtered(site, ours, service):
            yield from _unseen(site, ours, verify, service)


def examine_signing(site: Site, sign: Endpoint) -> Iterator[Problem]:
    """Examine whether a service asks the milter to mint, at ``sign``."""
    lists = [site.get("non_smtpd_milters"), *(service.get("smtpd_milters") for service in site.smtpd_services())]
    if all(milters.find(value, sign, site.get("queue_directory")) is None for value in lists):
        local = syntax.one_line(site.raw.get("non_smtpd_milters", ""))
        yield warning(
            "postfix.sign_not_asked",
            f"[sign] is configured, but neither an smtpd nor non_smtpd_milters asks {sign}",
            "notifications leave unchanged, with X-Reply-Mint and without a reply address",
            put("non_smtpd_milters", ", ".join(filter(None, [local, milters.reference(site, sign)]))),
        )


def _not_asked(site: Site, verify: Endpoint, services: list[MasterService]) -> Iterator[Problem]:
    off = [service for service in services if _switched_off(service)]
    if off:
        yield from dict.fromkeys(_no_milters(service) for service in off)
        return
    listed = site.get("smtpd_milters") or "empty"
    yield error(
        "postfix.not_asked",
        f"no smtpd asks {verify}: smtpd_milters is {listed}",
        _UNSEEN,
        Remedy(MAIN_CF, f"smtpd_milters = {_with_us(site, verify, site.raw.get('smtpd_milters', ''))}"),
    )


def _with_us(site: Site, verify: Endpoint, value: str) -> str:
    return ", ".join(filter(None, [syntax.one_line(value).rstrip(","), milters.reference(site, verify)]))


def _switched_off(service: MasterService) -> bool:
    return _NO_MILTERS in syntax.elements(service.get("receive_override_options"))


def takes_back(service: MasterService) -> bool:
    """Return whether a content filter of this host returns mail to the service that another service has examined."""
    local = service.name.startswith(_LOOPBACK)
    return local and bool({"content_filter", "smtpd_authorized_xforward_hosts"} & set(service.own))


def _is_filtered(site: Site, ours: Ours, service: MasterService) -> bool:
    """Return whether a proxy filter passes a service's mail on, to a service that asks."""
    target = service.get("smtpd_proxy_filter").removeprefix("inet:")
    return bool(target) and any(asks(site, ours, other) for other in site.smtpd_services() if other is not service)


def _no_milters(service: MasterService) -> Problem:
    kept = [word for word in syntax.elements(service.get("receive_override_options")) if word != _NO_MILTERS]
    name = "receive_override_options"
    return error(
        "postfix.no_milters",
        f"{service.where(name)}: {name} holds {_NO_MILTERS}",
        f"Postfix asks no milter there: {_UNSEEN}",
        service.put(name, ",".join(kept)),
    )


def _maps(site: Site, service: MasterService) -> Iterator[Problem]:
    """Examine ``smtpd_milter_maps``: other milters, or none, for some clients."""
    value = service.get("smtpd_milter_maps")
    if not value:
        return
    stranger = site.look_up(value, STRANGERS)
    what = f"{service.where('smtpd_milter_maps')}: smtpd_milter_maps is {value}"
    mend = service.put("smtpd_milter_maps", "")
    if stranger is not None:
        yield error(
            "postfix.milter_maps",
            f"{what}; it says {stranger} for any client",
            f"so this milter is not asked: {_UNSEEN}",
            mend,
        )
    else:
        yield warning(
            "postfix.milter_maps", what, f"for clients that it lists, this milter is not asked: {_UNSEEN}", mend
        )


def _unseen(site: Site, ours: Ours, verify: Endpoint, service: MasterService) -> Iterator[Problem]:
    taken = [domain for domain in ours.domains if _refused_but_for(site, ours, service, domain) is None]
    mend = _ask(site, verify, service)
    if taken and takes_back(service):
        yield note(
            "postfix.takes_back",
            f"{MASTER_CF}, service {service}: takes mail of this host's programs without asking this milter",
            "right for a content filter behind an smtpd that asks; other programs of this host bypass the milter",
        )
    elif taken:
        yield error(
            "postfix.unseen",
            f"{MASTER_CF}, service {service}: takes mail for {', '.join(taken)} and does not ask this milter",
            _UNSEEN,
            mend,
        )
    else:
        let_in = {who for domain in ours.domains for who in _refused_but_for(site, ours, service, domain) or ()}
        if let_in:
            yield warning(
                "postfix.let_in",
                f"{MASTER_CF}, service {service}: {', '.join(sorted(let_in))} precedes the refusal of the reply domain",
                f"from those clients {_UNSEEN}",
                mend,
            )


def _ask(site: Site, verify: Endpoint, service: MasterService) -> Remedy:
    """Return the line that makes a service ask the milter."""
    raw = service.own.get("smtpd_milters")
    value = _with_us(site, verify, site.raw.get("smtpd_milters", "") if raw is None else raw)
    pair = f"{{ smtpd_milters = {value} }}" if " " in value else f"smtpd_milters={value}"
    return Remedy(MASTER_CF, f"  -o {pair}", str(service))


def _refused_but_for(site: Site, ours: Ours, service: MasterService, domain: str) -> tuple[str, ...] | None:
    """Return the clients that may send to ``domain`` although all others may not; None if all may."""
    for name in RESTRICTIONS:
        let_in: list[str] = []
        for restriction, about in syntax.restrictions(service.get(name)):
            if _lets_in(service, restriction):
                let_in.append(restriction)
            answer = _decides(site, ours, domain, restriction, about)
            if answer == "reject" and (about or not let_in):
                return tuple(let_in)
            if answer:  # a submission service refuses all but some clients; the next list decides about those, too
                break
    return None


def _decides(site: Site, ours: Ours, domain: str, restriction: str, about: str) -> str:
    """Return ``reject`` or ``permit`` if a restriction decides about all mail to ``domain``; else an empty text."""
    if restriction in ("reject", "defer"):
        return "reject"
    if restriction in ("permit", "permit_auth_destination"):
        return "permit"
    if restriction != "check_recipient_access":
        return ""
    answer = site.look_up(about, access_keys(ours, domain)) or ""
    return "reject" if _REFUSAL.match(answer) else "permit" if _PERMISSION.fullmatch(answer) else ""


def _lets_in(service: MasterService, restriction: str) -> bool:
    """Return whether a restriction permits some clients for any recipient."""
    if restriction == "permit_mynetworks":
        return bool(service.get("mynetworks"))
    if restriction == "permit_sasl_authenticated":
        return service.get("smtpd_sasl_auth_enable") == "yes"
    return restriction.startswith("permit_tls_")
