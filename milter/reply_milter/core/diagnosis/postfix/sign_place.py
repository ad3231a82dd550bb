"""The sign milter where applications are wrapped: before a DKIM signer, and no mail passes while it is down."""

from collections.abc import Iterator

from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.postfix import milters
from reply_milter.core.diagnosis.postfix.milter_settings import unsigned
from reply_milter.core.diagnosis.postfix.milters import Milter
from reply_milter.core.diagnosis.postfix.site import Ours, Site, put
from reply_milter.core.diagnosis.problem import MAIN_CF, Problem, Remedy, error, warning

_LOCAL = "non_smtpd_milters"
_TEMPFAIL = "tempfail"


def examine(site: Site, ours: Ours) -> Iterator[Problem]:
    """Examine each list of milters that holds ours, if an application is wrapped."""
    if ours.sign is None or not ours.wrapped:
        return
    for service in site.smtpd_services():
        listed = service.get("smtpd_milters")
        for names, texts in _before(site, ours, ours.sign, listed):
            yield _order(service.where("smtpd_milters"), names, service.put("smtpd_milters", ", ".join(texts)))
    listed = site.get(_LOCAL)
    for names, texts in _before(site, ours, ours.sign, listed):
        yield _order(f"{MAIN_CF}: {_LOCAL}", names, put(_LOCAL, ", ".join(texts)))
    yield from _local_action(site, ours, ours.sign)


def _before(site: Site, ours: Ours, sign: Endpoint, listed: str) -> Iterator[tuple[str, list[str]]]:
    """Yield which milters of a list come before ours, and the list in the right order; nothing if none does."""
    queue_directory, found = site.get("queue_directory"), milters.read(listed)
    number = milters.find(listed, sign, queue_directory)
    if number is None:
        return
    verify = milters.find(listed, ours.verify, queue_directory)
    first: list[Milter] = [one for place, one in enumerate(found[:number]) if place == verify]
    others = [one for place, one in enumerate(found[:number]) if place != verify]
    if others:
        texts = [one.text for one in (*first, found[number], *others, *found[number + 1 :])]
        yield ", ".join(str(one.place or one.text) for one in others), texts


def _order(where: str, names: str, mend: Remedy) -> Problem:
    return warning(
        "postfix.sign_order",
        f"{where}: milters before the sign milter: {names}",
        "one that signs with DKIM covers fields that wrapping changes: notifications are refused. It must come after",
        mend,
    )


def _local_action(site: Site, ours: Ours, sign: Endpoint) -> Iterator[Problem]:
    """Examine what happens to mail of sendmail(1) while the milter is down."""
    number = milters.find(site.get(_LOCAL), sign, site.get("queue_directory"))
    if number is None:
        return
    found = milters.read(site.get(_LOCAL))
    action = found[number].setting("default_action", site.main)
    if action != _TEMPFAIL:
        new = milters.entry(sign, site.get("queue_directory"), {**found[number].options, "default_action": _TEMPFAIL})
        texts = [new if place == number else one.text for place, one in enumerate(found)]
        yield error(
            "postfix.default_action",
            f"{MAIN_CF}: default_action is {action} for {sign} in {_LOCAL}",
            f"while the milter is down, notifications of sendmail(1) leave with {unsigned(ours)}, or are lost",
            put(_LOCAL, ", ".join(texts)),
        )
