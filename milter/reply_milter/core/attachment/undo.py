"""Which changes take an attachment back: what ``attach`` put on record, and whatever else is ours."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from reply_milter.core.attachment.change import FILES, Change, Host, Texts
from reply_milter.core.attachment.edits import last, put, setting
from reply_milter.core.attachment.lists import Test, same, units, without
from reply_milter.core.attachment.master_plan import SIGN_CLEANUP, SMTPD, SUBMISSION
from reply_milter.core.attachment.names import SERVICES, is_ours, refers_to_ours
from reply_milter.core.attachment.record import Record
from reply_milter.core.attachment.wanted import service_options
from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.postfix import milters, syntax
from reply_milter.core.diagnosis.postfix.blocks import Block, name_of, split
from reply_milter.core.diagnosis.postfix.site import MasterService

Entries = Sequence[tuple[str, str]]  # names and values of the lines of main.cf, in order
_MILTER_LISTS: Final = milters.LISTS
# What fragments say of settings of Postfix's own.
_OF_FRAGMENTS: Final = frozenset(
    {("recipient_delimiter", "+"), ("smtpd_forbid_bare_newline", "normalize"), ("disable_vrfy_command", "yes")}
)


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


def restored(found: Texts, record: Record) -> dict[str, str]:
    """Return the files with each recorded entry as it was before, octet by octet, unless somebody has changed it."""
    texts = {file: record.before[file] if record.knows(file, found) else found[file] for file in FILES}
    for file, key in dict.fromkeys((one.file, one.service or one.name) for one in record.changes):
        if not record.knows(file, found):
            was, is_now = last(record.after[file], file, key), last(found[file], file, key)
            if is_now is not None and is_now == was:
                own = last(record.before[file], file, key)
                texts[file] = put(texts[file], file, key, own.text if own else "")
    return texts


def leftovers(host: Host, sockets: Collection[Endpoint] = ()) -> Iterator[Change]:
    """Yield what takes everything else of ours out of ``host``, such as fragments that were appended by hand.

    ``sockets``: where our milters listen, for lists that name a socket itself. A name may come several times: of its
    lines in main.cf, each may hold something of ours.
    """
    test = _test(host, sockets)
    entries = host.site.entries
    for number, (name, value) in enumerate(entries):
        left = _left(entries, number, test)
        if left != value:
            yield Change("", name, value, left or None)
    for one in host.site.services:
        yield from _of_service(host, one, test)


def cleaned(text: str, host: Host, sockets: Collection[Endpoint] = ()) -> str:
    """Return main.cf without what ``leftovers`` finds: a line of the host's that one of ours overrode holds again."""
    test, entries = _test(host, sockets), list(syntax.entries(text))
    numbers = itertools.count()
    return "".join(
        _cleaned(block, entries, next(numbers), test) if "=" in block.logical else block.text
        for block in split(text, name_of)
    )


def _cleaned(block: Block, entries: Entries, number: int, test: Test) -> str:
    left = _left(entries, number, test)
    if left == entries[number][1]:
        return block.text
    return setting(block.key, left, block.comments) if left else ""


def _left(entries: Entries, number: int, test: Test) -> str | None:
    """Return the value of a line of main.cf without us; None or empty if the whole line is ours."""
    name, value = entries[number]
    if is_ours(name) or ((name, value) in _OF_FRAGMENTS and _overrides(entries, number)):
        return None
    return without(name, value, (), _of(name, test))


def _overrides(entries: Entries, number: int) -> bool:
    """Return whether a line of main.cf overrides an earlier one, beside something that only our fragments have."""
    names = [name for name, _ in entries]
    return names[number] in names[:number] and any(is_ours(name) for name in names)


def _test(host: Host, sockets: Collection[Endpoint]) -> Test:
    queue_directory = host.site.get("queue_directory")
    return lambda unit: (
        refers_to_ours(unit) or any(milters.find(unit, socket, queue_directory) is not None for socket in sockets)
    )


def _of(name: str, ours: Test) -> Test:
    return ours if name in _MILTER_LISTS else refers_to_ours


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
