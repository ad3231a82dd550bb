"""Close a batch of messages: hand over, move, commit, and record what is done with. ``look`` has the order and why."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reply_milter.core.fetching.outcome import FetchVerdict, Folder, folder_for, retry_seconds
from reply_milter.flows.fetching.handling import Ended, Ready, hand_over, settled
from reply_milter.flows.fetching.service import FetchService
from reply_milter.ports import StoreUnavailableError
from reply_milter.ports.fetching import FetchReport, OpenMessage
from reply_milter.ports.mailbox import Refusal, Removal

_OPEN = (FetchVerdict.DEFERRED, FetchVerdict.PARKED)
_NOTED = (FetchVerdict.DELIVERED, FetchVerdict.DEAD_LETTER, FetchVerdict.DISCARDED, FetchVerdict.PARKED)


def close(service: FetchService, looked_at: int, ready: Sequence[Ready], ended: Sequence[Ended]) -> None:
    """Hand over what is ready, move, commit, and record what is done with. ``looked_at``: how far the batch reaches."""
    service.record.put([one.message for one in ready])
    closed = _committed(service, _moved(service, [*ended, *_handed_over(service, ready)]))
    done = [one.message.uid for one in closed if one.verdict not in _OPEN]
    still_open = [_rested(service, one.message) for one in closed if one.verdict in _OPEN]
    service.record.close(looked_at, done, still_open)


def _handed_over(service: FetchService, ready: Sequence[Ready]) -> list[Ended]:
    """Hand over replies, but for those that another host did."""
    if not ready:
        return []
    noted = service.turns.became_of([one.message.id for one in ready])
    if noted is None:
        why = "it is the turn of another host's fetcher"
        return [Ended(one.message, FetchVerdict.DEFERRED, why=why) for one in ready]
    known = [Ended(one.message, noted[one.message.id], is_old=True) for one in ready if one.message.id in noted]
    others = [one for one in ready if one.message.id not in noted]
    return [*known, *service.side_by_side(lambda one: _noted(service, hand_over(service, one)), others)]


def _noted(service: FetchService, ended: Ended) -> Ended:
    """Note what became of a reply at once: another one of its batch may keep us waiting."""
    if ended.verdict is not None and ended.verdict in _NOTED:
        service.turns.note(ended.message.id, ended.verdict)
    return ended


def _moved(service: FetchService, ended: Sequence[Ended]) -> list[Ended]:
    """Move or delete messages whose verdict says so, and report all; what the server does not move now is deferred."""
    folders = dict.fromkeys(_folder_of(one) for one in ended)
    return [one for folder in folders for one in _moved_to(service, folder, ended)]


def _moved_to(service: FetchService, folder: Folder | None, ended: Sequence[Ended]) -> list[Ended]:
    """Handle those that belong into ``folder``: in one go, because a server takes as long for one as for fifty."""
    several = [one for one in ended if _folder_of(one) is folder]
    removals = _removed(service, [one.message.uid for one in several], folder) if folder is not None else {}
    return [_reported(service, one, folder, removals.get(one.message.uid, Removal.REMOVED)) for one in several]


def _reported(service: FetchService, ended: Ended, folder: Folder | None, removal: Removal | Refusal) -> Ended:
    if isinstance(removal, Refusal):
        ended = replace(ended, verdict=FetchVerdict.DEFERRED, why=f"{ended.verdict}: {removal.why}")
    _report(service, ended, folder if removal in (Removal.REMOVED, Removal.MARKED) else None, removal is Removal.GONE)
    return ended


def _folder_of(ended: Ended) -> Folder | None:
    return folder_for(ended.verdict) if ended.verdict is not None else None


def _removed(service: FetchService, uids: Sequence[int], folder: Folder) -> Mapping[int, Removal | Refusal]:
    name = service.rules.name_of(folder)
    return service.mailbox.move(uids, name) if name else service.mailbox.delete(uids)


def _report(service: FetchService, ended: Ended, folder: Folder | None, is_gone: bool) -> None:
    """Report each message once, but for one that is tried again."""
    waits = ended.verdict is FetchVerdict.PARKED and ended.message.tries > 0
    was_reported = ended.is_old and is_gone
    if ended.verdict is not None and not waits and not was_reported:
        one = ended.message
        service.telemetry.fetched(FetchReport(one.uid, ended.verdict, ended.reason, one.id, folder, ended.why))


def _committed(service: FetchService, ended: Sequence[Ended]) -> list[Ended]:
    """Commit the claims of replies that are done with. Without an answer of the store, they stay open."""
    accepted = [one for one in ended if one.message.id and one.verdict not in _OPEN and _is_settled(service, one)]
    if not accepted:
        return list(ended)
    try:
        identifiers = [one.message.id for one in accepted]
        service.verifying.store.commit_all(identifiers)
        service.turns.forget(identifiers)
    except StoreUnavailableError:
        again = {one.message.uid for one in accepted}
        return [replace(one, verdict=FetchVerdict.DEFERRED) if one.message.uid in again else one for one in ended]
    return list(ended)


def _is_settled(service: FetchService, ended: Ended) -> bool:
    """Whether the hook is done with it; what somebody took out of the mailbox before that may be put back."""
    return ended.verdict is not None or settled(service, ended.message.id) not in (None, FetchVerdict.PARKED)


def _rested(service: FetchService, message: OpenMessage) -> OpenMessage:
    now, tries = service.verifying.clock.now(), message.tries + 1
    return replace(message, tries=tries, due=now + retry_seconds(tries), first=message.first or now)
