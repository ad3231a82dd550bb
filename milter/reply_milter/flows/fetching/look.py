"""Look at a mailbox once: everything new in it, and what was left open.

Theory of operation
===================

A mailbox has no answer to give, so a folder stands for it (``core.fetching.outcome``). Three places hold the state of a
reply: the mailbox, the hook's record (``flows.delivering.delivery``), and ``FetchRecord``, which knows the UIDs that
are not done with, and the seals of those that were accepted. The order is always: fetch, judge, claim, seal on record,
hand over, DONE on the hook's record, move, commit, closed on record. Each write is durable before the next begins.

    dies                                      the next look                              handed over
    after the fetch or the judgement          claims it again: a retry, with its id      once
    after the seal is on record               hands over what is on record               once
    before the handler took it                hands it over                              once
    after the handler took it, before DONE    hands it over                              twice, with one id
    after DONE, before the move               moves it                                   once
    after the move, before the commit         finds it gone and DONE, and commits        once
    after the commit, before it is closed     commits again, which changes nothing       once

An accepted reply is never judged again: its address may expire while its application is away. \\Seen is never read and
never set. A message is known by its UID; if UIDVALIDITY changes, all is looked at again, and claims prevent a second
effect. One process of a host looks at a mailbox at a time; fetchers on two hosts may hand over the same id.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from reply_milter.core.fetching.outcome import FetchVerdict, Folder, folder_for, retry_seconds
from reply_milter.flows.fetching.handling import Ended, Ready, hand_over, prepare, settled
from reply_milter.flows.fetching.service import FetchService
from reply_milter.ports import StoreUnavailableError
from reply_milter.ports.fetching import FetchReport, OpenMessage
from reply_milter.ports.mailbox import MailboxRefusedError, MailboxUnavailableError, Removal

_DUE = 256  # open messages that one look tries
_ENDED = 128  # messages that are closed at a time
_READY = 32  # replies that are handed over side by side
_READY_OCTETS = 16 << 20  # of them, but for a single larger one
_OPEN = (FetchVerdict.DEFERRED, FetchVerdict.PARKED)


@dataclass(slots=True)
class _Batch:
    """Messages that are closed together. ``looked_at``: the UID up to which the batch reaches."""

    looked_at: int
    ready: list[Ready] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    octets: int = 0

    @property
    def is_full(self) -> bool:
        """Whether it must be closed before the next message is read."""
        many = len(self.ready) >= _READY or len(self.ended) >= _ENDED
        return many or self.octets >= _READY_OCTETS

    def add(self, step: Ready | Ended) -> None:
        """Take one more."""
        if isinstance(step, Ended):
            self.ended.append(step)
        else:
            self.ready.append(step)
            self.octets += len(step.envelope.message)


def look(service: FetchService, uidvalidity: int, progressed: Callable[[], None] = lambda: None) -> bool:
    """Handle what is new, and what is due. False: another process of this host looks at the mailbox now.

    ``progressed`` is called whenever messages are done with.

    Raises:
        MailboxUnavailableError: the connection is lost; what is on record goes on at the next look.
    """
    with service.delivering.ledger.hold(f"mailbox {service.rules.identity}") as ours:
        if ours:
            looked_at = service.record.begin(uidvalidity)
            due = service.record.due(service.verifying.clock.now(), _DUE)
            for new in _new(service, looked_at):
                _handle_all(service, new[0].uid - 1, new, are_new=True)
                progressed()
            _handle_all(service, looked_at, due)
            service.telemetry.looked(service.verifying.clock.now())
    return ours


def _new(service: FetchService, looked_at: int) -> Iterator[list[OpenMessage]]:
    """Yield the messages above ``looked_at``, piece by piece, but for those that are open already."""
    while found := [uid for uid in service.mailbox.uids_after(looked_at) if uid > looked_at]:
        for start in range(0, len(found), _DUE):
            piece = found[start : start + _DUE]
            already = service.record.known(piece)
            new = [OpenMessage(uid) for uid in piece if uid not in already]
            if new:
                yield new
            looked_at = piece[-1]
            service.record.close(looked_at, (), ())


def _handle_all(service: FetchService, looked_at: int, messages: Sequence[OpenMessage], are_new: bool = False) -> None:
    batch = _Batch(looked_at)
    for message in messages:
        batch.add(_prepared(service, message))
        if are_new:
            batch.looked_at = message.uid
        if batch.is_full:
            _close(service, batch)
            batch = _Batch(batch.looked_at)
    _close(service, batch)


def _prepared(service: FetchService, message: OpenMessage) -> Ready | Ended:
    """Prepare one message; an error of ours harms no other."""
    try:
        return prepare(service, message)
    except MailboxUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 # logged with its traceback
        service.telemetry.internal_error()
        return Ended(message, FetchVerdict.DEFERRED, why=f"an internal error: {type(error).__name__}")


def _close(service: FetchService, batch: _Batch) -> None:
    """Hand over, move, commit, and record what is done with."""
    service.record.put([one.message for one in batch.ready])
    ended = [*batch.ended, *service.side_by_side(lambda one: hand_over(service, one), batch.ready)]
    closed = _committed(service, [_moved(service, one) for one in ended])
    done = [one.message.uid for one in closed if one.verdict not in _OPEN]
    still_open = [_rested(service, one.message) for one in closed if one.verdict in _OPEN]
    service.record.close(batch.looked_at, done, still_open)


def _moved(service: FetchService, ended: Ended) -> Ended:
    """Move or delete a message whose verdict says so, and report it; deferred, if the server does not do that now."""
    folder = folder_for(ended.verdict) if ended.verdict is not None else None
    removal = Removal.REMOVED
    if folder is not None:
        try:
            removal = _remove(service, ended.message.uid, folder)
        except MailboxRefusedError as error:
            folder, ended = None, replace(ended, verdict=FetchVerdict.DEFERRED, why=f"{ended.verdict}: {error}")
    if removal is Removal.GONE:
        folder = None
    _report(service, ended, folder, removal)
    return ended


def _remove(service: FetchService, uid: int, folder: Folder) -> Removal:
    name = service.rules.name_of(folder)
    return service.mailbox.move(uid, name) if name else service.mailbox.delete(uid)


def _report(service: FetchService, ended: Ended, folder: Folder | None, removal: Removal) -> None:
    """Report each message once, but for one that is tried again."""
    waits = ended.verdict is FetchVerdict.PARKED and ended.message.tries > 0
    was_reported = ended.is_old and removal is Removal.GONE
    if ended.verdict is not None and not waits and not was_reported:
        one = ended.message
        service.telemetry.fetched(FetchReport(one.uid, ended.verdict, ended.reason, one.id, folder, ended.why))


def _committed(service: FetchService, ended: Sequence[Ended]) -> list[Ended]:
    """Commit the claims of replies that are done with. Without an answer of the store, they stay open."""
    accepted = [one for one in ended if one.message.id and one.verdict not in _OPEN and _is_settled(service, one)]
    if not accepted:
        return list(ended)
    try:
        service.verifying.store.commit_all([one.message.id for one in accepted])
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
