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
effect.

Messages go through these steps in batches: each step is made for all of a batch, in one command or one transaction
where that can be, before the next step begins. So the table holds for each message of a batch.

Several fetchers may look at one mailbox, one at a time: those of a host take turns by a lock (``Ledger.hold``), hosts
take turns through the store (``ports.fetching.MailboxTurns``). A turn lasts one look. The turn of a host that dies ends
half a minute later. Then the next host finds claims that are reserved, and has no record of how far they came: so after
DONE, what became of a reply is also noted in the store, at once. Notes are asked for before replies are
handed over, in a question that also tells whether it is still our turn.

    the host dies                             the other host                             handed over
    before the handler took it                hands it over                              once
    after the handler took it, before a note  hands it over                              twice, with one id
    after the note, before the move           moves it, and commits                      once
    after the move, before the commit         sees nothing; a replay finds the note      once
    and is back, after the other's hand-over  finds it gone, or the note                 once

While the store gives no answer, nothing new is judged, and what is on record on a host is handed over as if there were
no other host.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from reply_milter.core.fetching.outcome import FetchVerdict
from reply_milter.flows.fetching.closing import close
from reply_milter.flows.fetching.handling import Ended, Ready, known_end, prepare
from reply_milter.flows.fetching.reading import read_beginnings
from reply_milter.flows.fetching.service import FetchService
from reply_milter.ports.fetching import OpenMessage
from reply_milter.ports.mailbox import BEGINNINGS_AT_ONCE, MailboxUnavailableError

_DUE = 256  # open messages that one look tries
_ENDED = 128  # messages that are closed at a time
_READY = 32  # replies that are handed over side by side
_READY_OCTETS = 16 << 20  # of them, but for a single larger one


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
    """Handle what is new, and what is due. False: another fetcher, here or on another host, looks at the mailbox now.

    ``progressed`` is called whenever messages are done with.

    Raises:
        MailboxUnavailableError: the connection is lost; what is on record goes on at the next look.
    """
    with service.delivering.ledger.hold(f"mailbox {service.rules.identity}") as ours:
        if not ours:
            return False
        with service.turns.turn() as ours:
            if ours:
                _look(service, uidvalidity, progressed)
            return ours


def _look(service: FetchService, uidvalidity: int, progressed: Callable[[], None]) -> None:
    looked_at = service.record.begin(uidvalidity)
    due = service.record.due(service.verifying.clock.now(), _DUE)
    for new in _new(service, looked_at):
        _handle_all(service, new[0].uid - 1, new, are_new=True)
        progressed()
    _handle_all(service, looked_at, due)
    service.telemetry.looked(service.verifying.clock.now())


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
    for message, step in _prepared(service, messages):
        batch.add(step)
        if are_new:
            batch.looked_at = message.uid
        if batch.is_full:
            close(service, batch.looked_at, batch.ready, batch.ended)
            batch = _Batch(batch.looked_at)
    close(service, batch.looked_at, batch.ready, batch.ended)


def _prepared(service: FetchService, messages: Sequence[OpenMessage]) -> Iterator[tuple[OpenMessage, Ready | Ended]]:
    """Prepare messages one by one; their beginnings are read several at once."""
    for start in range(0, len(messages), BEGINNINGS_AT_ONCE):
        few = messages[start : start + BEGINNINGS_AT_ONCE]
        known = {one.uid: known_end(service, one) for one in few}
        begun = read_beginnings(service.mailbox, [one.uid for one in few if known[one.uid] is None])
        for one in few:
            yield one, known[one.uid] or _prepared_alone(service, one, begun.pop(one.uid, None))


def _prepared_alone(service: FetchService, message: OpenMessage, beginning: bytes | None) -> Ready | Ended:
    """Prepare one message; an error of ours harms no other."""
    try:
        return prepare(service, message, beginning)
    except MailboxUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 # logged with its traceback
        service.telemetry.internal_error()
        return Ended(message, FetchVerdict.DEFERRED, why=f"an internal error: {type(error).__name__}")
