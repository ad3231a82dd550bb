"""The milters before ours that authenticate senders, if an ``authserv_id`` is configured."""

from collections.abc import Iterator

from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.postfix import milters, syntax
from reply_milter.core.diagnosis.postfix.lookup_keys import HEADER_CHECKS, SHAPED_SIGNATURE, forged_result
from reply_milter.core.diagnosis.postfix.milters import Milter
from reply_milter.core.diagnosis.postfix.site import MasterService, Ours, Site, put
from reply_milter.core.diagnosis.problem import Problem, Remedy, error, note, warning

_TAKES_OFF = frozenset({"IGNORE", "REJECT", "DISCARD", "REPLACE", "STRIP"})  # of header_checks(5)
_REFUSES = frozenset({"REJECT", "DISCARD", "4", "5"})
# As in contrib/postfix/authentication.main.cf.
_RESULTS = "{ /^(Authentication-Results|Received-SPF)[[:space:]]*:/ IGNORE }"
_SIGNATURE = (
    "{{ ~^DKIM-Signature[[:space:]]*:(.*;)?[[:space:]]*{0}[[:space:]]*=[^;]*{1}~ REJECT {0}= in DKIM-Signature }}"
)
_SIGNATURES = " ".join(
    _SIGNATURE.format(tag, wrong)
    for tag, wrong in (("i", r'[=()<>,"\\]'), ("s", "[^;A-Z0-9._[:space:]-]"), ("b", "[^;A-Z0-9+/=[:space:]]"))
)


def examine(site: Site, ours: Ours, service: MasterService, verify: Endpoint) -> Iterator[Problem]:
    """Examine one service, if it asks the milter."""
    listed = service.get("smtpd_milters")
    number = milters.find(listed, verify, site.get("queue_directory"))
    if not ours.authserv_id or number is None:
        return
    before = [milter for milter in milters.read(listed)[:number] if not _is_ours(milter, ours, site)]
    yield _who(ours, service, before)


def examine_site(site: Site, ours: Ours) -> Iterator[Problem]:
    """Examine fields of clients that look like results of the milters before ours."""
    if not ours.authserv_id:
        return
    checks = site.get("header_checks")
    if not _does(site, checks, forged_result(ours.authserv_id), _TAKES_OFF):
        yield warning(
            "postfix.forged_results",
            "header_checks keep Authentication-Results fields of clients",
            "OpenDKIM keeps a field that it cannot read, and OpenDMARC believes it",
            _first(site, _RESULTS),
        )
    if not _does(site, checks, SHAPED_SIGNATURE, _REFUSES):
        yield warning(
            "postfix.shaped_signatures",
            "header_checks accept signatures whose i= is encoded",
            "OpenDKIM copies it into its results unchanged, and OpenDMARC believes them",
            _first(site, _SIGNATURES),
        )
    for name in HEADER_CHECKS[1:]:
        if _does(site, site.get(name), forged_result(ours.authserv_id), _TAKES_OFF):
            yield warning(
                "postfix.nested_checks",
                f"{name} remove Authentication-Results",
                "they act on attached messages, too, and so break the signature of a message with such an attachment",
                put(name, ""),
            )


def _is_ours(milter: Milter, ours: Ours, site: Site) -> bool:
    """Return whether a milter is our own sign mode, which authenticates no sender."""
    place, queue_directory = milter.place, site.get("queue_directory")
    return place is not None and ours.sign is not None and place.reaches(ours.sign, queue_directory)


def _who(ours: Ours, service: MasterService, before: list[Milter]) -> Problem:
    where = service.where("smtpd_milters")
    strict = ", ".join(ours.want_proof)
    then = f"auth_none refuses it for {strict}" if strict else "auth_none accepts it"
    if not before:
        return (error if strict else warning)(
            "postfix.vouching",
            f"{where}: authserv_id is {ours.authserv_id}, but no milter comes before ours",
            f"no sender is authenticated: every reply has auth=none, and {then}",
        )
    names = ", ".join(str(milter.place or milter.text) for milter in before)
    why = f"they authenticate senders; while they are down, mail has auth=none, and {then}"
    if len(before) == 1:
        why = f"it authenticates senders; if it is OpenDKIM alone, unsigned mail has auth=none, and {then}"
    return note("postfix.vouching", f"{where}: before us: {names}", why)


def _does(site: Site, tables: str, field: str, actions: frozenset[str]) -> bool:
    """Return whether tables apply one of ``actions`` to a field."""
    action = (site.look_up(tables, [field]) or "DUNNO").split()[0].upper()
    return action in actions or action[:1] in actions


def _first(site: Site, rules: str) -> Remedy:
    """Return the line that puts rules before the present ones."""
    tables = [f"regexp:{{ {rules} }}", syntax.one_line(site.raw.get("header_checks", ""))]
    return put("header_checks", ", ".join(filter(None, tables)))
