"""The changes of master.cf: services of ours, and the host's, if they have milters or restrictions of their own."""

from collections.abc import Iterator
from typing import Final

from reply_milter.core.attachment.change import Change, Host, Texts
from reply_milter.core.attachment.lists import compact, holds_text, join, units
from reply_milter.core.attachment.wanted import Wanted
from reply_milter.core.diagnosis.postfix import milter_bypass, syntax
from reply_milter.core.diagnosis.postfix.site import MasterService

SMTPD, REFUSED = "smtpd_milters", "smtpd_recipient_restrictions"
SUBMISSION, PICKUP = "submission/inet", "pickup/unix"
SIGN_CLEANUP = ("cleanup_service_name", "cleanup-sign")
_SUBMISSIONS: Final = frozenset({"submission", "submissions", "smtps", "587", "465"})
_SMTP: Final = frozenset({"smtp", "25"})


def changes(host: Host, wanted: Wanted, fragments: Texts) -> Iterator[Change]:
    """Yield the changes of master.cf."""
    ours = wanted.services(fragments)
    submissions = _submissions(host) if wanted.choice.sign else []
    if submissions:
        ours.pop(SUBMISSION, None)
    for service, line in ours.items():
        yield Change(service, "", host.services.get(service), line)
    for one in submissions:
        yield from _with_sign(host, one)
    for one in host.site.smtpd_services():
        if one not in submissions:
            yield from _asking(one) if wanted.choice.layout == 1 else _refusing(wanted, fragments, one)
    pickup = host.options(PICKUP)
    if wanted.choice.sign and PICKUP in host.services and SIGN_CLEANUP[0] not in pickup:
        yield Change(PICKUP, SIGN_CLEANUP[0], None, SIGN_CLEANUP[1])


def _submissions(host: Host) -> list[MasterService]:
    """Return the services by which applications hand mail in, by their names or because they take logins."""
    found = host.site.smtpd_services()
    return [one for one in found if _port(one) in _SUBMISSIONS or one.own.get("smtpd_sasl_auth_enable") == "yes"]


def _port(service: MasterService) -> str:
    return service.name.rpartition(":")[2]


def _with_sign(host: Host, one: MasterService) -> Iterator[Change]:
    """Ask sign mode, then the host's own milters: one of them may sign with DKIM."""
    now = one.own.get(SMTPD)
    inherited = host.value(SMTPD) if now is None else now
    ours = ["$reply_milter", "$reply_sign_milter"]
    after = f"{join(SMTPD, inherited, ours, first=True)},$reply_dkim_signer"
    yield Change(str(one), SMTPD, now, compact(after))
    if SIGN_CLEANUP[0] not in one.own:
        yield Change(str(one), SIGN_CLEANUP[0], None, SIGN_CLEANUP[1])


def _asking(one: MasterService) -> Iterator[Change]:
    """Have a service with milters of its own ask ours, too. One that was given none stays as it is."""
    now = one.own.get(SMTPD, "")
    if now:
        yield Change(str(one), SMTPD, now, compact(join(SMTPD, now, ["$reply_milter"], first=False)))


def _refusing(wanted: Wanted, fragments: Texts, one: MasterService) -> Iterator[Change]:
    """Have a service with restrictions of its own refuse the reply domain, too; not one behind a content filter."""
    now = one.own.get(REFUSED)
    if now is not None and not milter_bypass.takes_back(one):
        ours = units(REFUSED, wanted.settings(fragments)[REFUSED])
        yield Change(str(one), REFUSED, now, compact(join(REFUSED, now, ours, first=True)))


def refusals(host: Host, wanted: Wanted) -> Iterator[str]:
    """Yield why services can't be changed, or the separate smtpd of layout 2 could not listen."""
    yield from _unwritable(host, wanted)
    if wanted.choice.layout == 2:
        yield from _taken(host, wanted)


def _unwritable(host: Host, wanted: Wanted) -> Iterator[str]:
    """Yield which values of services can't be joined: postconf(1) writes none with white space there."""
    shared = SMTPD if wanted.choice.layout == 1 else REFUSED
    for one in host.site.smtpd_services():
        for name in dict.fromkeys((shared, SMTPD) if wanted.choice.sign else (shared,)):
            if holds_text(one.own.get(name, "")):
                yield (
                    f"service {one} has a table with blanks in its own {name}, which postconf can't join:"
                    " put the value into a setting of main.cf, and name that in master.cf"
                )


def _taken(host: Host, wanted: Wanted) -> Iterator[str]:
    address, _, port = wanted.choice.listen.rpartition(":")
    listening = set(syntax.elements(host.site.get("inet_interfaces")))
    for one in host.site.smtpd_services():
        _, colon, its_port = one.name.rpartition(":")
        if not _is_same_port(its_port, port):
            continue
        if not colon and listening & {"all", address.strip("[]")}:
            yield (
                f"service {one} listens at {address}, too (inet_interfaces = {host.site.get('inet_interfaces')}):"
                " set inet_interfaces to the host's other addresses, restart Postfix, and try again"
            )


def _is_same_port(one: str, other: str) -> bool:
    return one == other or {one, other} <= _SMTP
