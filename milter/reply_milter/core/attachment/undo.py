"""Which changes take an attachment back: what ``attach`` put on record, and whatever else is ours."""

from collections.abc import Iterable, Iterator
from typing import Final

from reply_milter.core.attachment.change import Change, Host
from reply_milter.core.attachment.lists import Test, same, units, without
from reply_milter.core.attachment.master_plan import SIGN_CLEANUP, SMTPD, SUBMISSION
from reply_milter.core.attachment.names import SERVICES, is_ours, refers_to_ours
from reply_milter.core.attachment.wanted import service_options
from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.postfix import milters
from reply_milter.core.diagnosis.postfix.site import MasterService

_MILTER_LISTS: Final = milters.LISTS


def of_record(host: Host, recorded: Iterable[Change]) -> Iterator[Change]:
    """Yield what takes back each recorded change. A value that the host has changed since loses only our part of it."""
    for change in recorded:
        now = host.now(change)
        if now is None or same(now, change.before):
            continue
        if same(now, change.after):
            yield Change(change.service, change.name, now, change.before)
        else:
            yield from _of_changed(host, change, now)


def _of_changed(host: Host, change: Change, now: str) -> Iterator[Change]:
    if change.service and not change.name:
        yield from _of_changed_service(host, change, now)
        return
    before = set(units(change.name, change.before or ""))
    added = [unit for unit in units(change.name, change.after or "") if unit not in before]
    left = without(change.name, now, added, refers_to_ours)
    if left != now:
        yield Change(change.service, change.name, now, left if change.before is not None else left or None)


def _of_changed_service(host: Host, change: Change, now: str) -> Iterator[Change]:
    """Take our part out of a submission service that the host has made its own; any other service of ours goes."""
    if change.service != SUBMISSION:
        yield Change(change.service, "", now, change.before)
        return
    given = service_options(change.after or "")
    ours = (Change(SUBMISSION, name, None, given[name]) for name in (SMTPD, SIGN_CLEANUP[0]) if name in given)
    yield from of_record(host, ours)


def changed_since(host: Host, recorded: Iterable[Change]) -> Iterator[Change]:
    """Yield each recorded change whose setting has another value by now, with that value as ``after``."""
    for change in recorded:
        now = host.now(change)
        if not same(now, change.after) and not same(now, change.before):
            yield Change(change.service, change.name, change.after, now)


def leftovers(host: Host, sockets: Iterable[Endpoint] = ()) -> Iterator[Change]:
    """Yield what takes everything else of ours out of ``host``, such as fragments that were appended by hand.

    ``sockets``: where our milters listen, for lists that name a socket itself.
    """
    ours = _test(host, tuple(sockets))
    for name, now in host.main.items():
        if is_ours(name):
            yield Change("", name, now, None)
        else:
            left = without(name, now, (), _of(name, ours))
            if left != now:
                yield Change("", name, now, left or _overridden(host, name, ours))
    for one in host.site.services:
        yield from _of_service(host, one, ours)


def _test(host: Host, sockets: tuple[Endpoint, ...]) -> Test:
    queue_directory = host.site.get("queue_directory")
    return lambda unit: (
        refers_to_ours(unit) or any(milters.find(unit, socket, queue_directory) is not None for socket in sockets)
    )


def _of(name: str, ours: Test) -> Test:
    return ours if name in _MILTER_LISTS else refers_to_ours


def _overridden(host: Host, name: str, ours: Test) -> str | None:
    """Return the host's own value of ``name``, which a fragment overrides; None without one."""
    own = [without(name, value, (), _of(name, ours)) for value in host.earlier.get(name, ())]
    return next((value for value in reversed(own) if value), None)


def _of_service(host: Host, one: MasterService, ours: Test) -> Iterator[Change]:
    if str(one) in SERVICES or refers_to_ours(one.own.get("smtpd_relay_restrictions", "")):
        yield Change(str(one), "", host.services.get(str(one)), None)
        return
    for name, now in one.own.items():
        left = without(name, now, (), _of(name, ours))
        if (name, now) == SIGN_CLEANUP:
            yield Change(str(one), name, now, None)
        elif left != now:
            yield Change(str(one), name, now, left or None)
