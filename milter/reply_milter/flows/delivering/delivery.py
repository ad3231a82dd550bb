"""The delivery of one message from the MTA: its seal is opened, a handler takes it, its claim is committed.

The MTA never hears 5xx, because it would return the message to a sender who may be forged. What can't be delivered is
kept as a dead letter. What can't be kept, or not now, stays in the MTA's queue.

Theory of operation
===================

Three places hold the state of a reply. The record (``Ledger``, in ``state_dir``) says how far it came; the parking, in
the same file, holds what waits for its user; the store holds its claim, which the milter reserved. Each write is
durable before the next begins, and the order is always: TRIED on record, hand over, DONE on record, commit the claim,
250. Whoever delivers a reply holds its id in the ledger, a lock that ends with the process.

Until the commit, a sender who retries is accepted again with the same id, and the record stops a second delivery. After
the commit, that sender hears 550 "already received". Without a hook's commit (``replay.commit = "accept"``), read
"commit" below as nothing.

    on record    event                             what happens                        MTA hears  application sees
    -            no good seal, observed, no token  dead letter, named by a digest      250        nothing
    any          another delivery holds its id     nothing                             451        nothing
    NEW          its token ended over a week ago   dead letter, DEAD, commit           250        nothing
    NEW, TRIED   no such handler or destination    TRIED, dead letter, DEAD, commit    250        nothing
    NEW, TRIED   its original can't be restored    TRIED, dead letter, DEAD, commit    250        nothing
    NEW, TRIED   the handler says Done             TRIED, DONE, commit                 250        the reply
    NEW, TRIED   the handler says Never            TRIED, dead letter, DEAD, commit    250        the reply: it refused
    NEW, TRIED   it says Later, or raises          TRIED                               451        maybe the reply
    TRIED        the same after give_up_hours      dead letter, DEAD, commit           250        maybe the reply
    DONE, DEAD   the MTA hands it over again       commit                              250        nothing
    DEAD         an operator retries it            as for TRIED                        -          as for TRIED
    NEW          result=park, and there is room    parked, the user asked, commit      250        nothing
    NEW          result=park, and it is parked     commit                              250        nothing
    NEW          result=park, and there's no room  first try noted beside the record   451        nothing
    NEW          the same after give_up_hours      dead letter, DEAD, commit           250        nothing
    NEW, TRIED   parked, and now released          as for NEW; kept only after Later   -          as for NEW
    NEW          parked, a no, or its days over    removed, DEAD                       -          nothing
    any          the commit gets no answer         the record stays as it is           451        nothing more
    any          the disk is full                  the record stays as it is           451        nothing more

When the process dies, the MTA's connection breaks, and the MTA hands the message over again. The same holds for an
exception of ours, for which the MTA hears 451.

    dies                                           on record  the next try                         handed over
    before TRIED                                   NEW        hands it over                        once
    before the handler took it                     TRIED      hands it over                        once
    after the handler took it, before DONE         TRIED      hands it over                        twice, with one id
    after DONE, before the commit                  DONE       commits                              once
    after the commit, before the MTA heard 250     DONE       commits again, which changes nothing once
    after the dead letter is written, before DEAD  TRIED      hands it over; the letter is         twice, with one id
                                                              replaced, or stays until a retry
    after it is parked, before the commit          NEW        commits; the next round asks         not yet
    after a release is DONE, before the removal    DONE       the next round commits and removes   once
    after a parked reply is removed, before DEAD   NEW        parks it, if the MTA has it still    not yet

So an application that stores the id with the reply, in one transaction, has each reply once, and misses none.
"""

from reply_milter.core.delivery.outcome import DeliveryOutcome, Later
from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.seal.sealed_reply import SealedReply, Undeliverable, open_reply
from reply_milter.flows.delivering.handing_over import hand_over
from reply_milter.flows.delivering.parking import park, process_answer
from reply_milter.flows.delivering.record import KEPT_SECONDS, commit, keep_dead_letter, keep_unverified, report
from reply_milter.flows.delivering.service import HookService
from reply_milter.ports.delivery import Progress
from reply_milter.ports.delivery_telemetry import DeliveryEvent

_SETTLED = (Progress.DONE, Progress.DEAD)


def deliver(service: HookService, envelope: Envelope, retry: bool = False) -> DeliveryOutcome:
    """Deliver a message. Later: the MTA keeps it. Done, Never: it is ours, and with Never it is a dead letter.

    ``retry``: deliver it although it is a dead letter, because an operator says so.

    Raises:
        OSError: it can neither be delivered nor kept, for example because the disk is full.
    """
    opened = open_reply(envelope.message, service.rules.seal_keys)
    if isinstance(opened, Undeliverable):
        return keep_unverified(service, envelope, opened)
    return deliver_opened(service, opened, envelope, retry)


def deliver_opened(
    service: HookService, sealed: SealedReply, envelope: Envelope, retry: bool = False
) -> DeliveryOutcome:
    """Deliver a message whose seal the caller has opened. Otherwise as ``deliver``."""
    with service.ledger.hold(sealed.id) as ours:
        if not ours:
            return Later("another delivery of this reply is in progress")
        return _deliver(service, sealed, envelope, retry)


def _deliver(service: HookService, sealed: SealedReply, envelope: Envelope, retry: bool) -> DeliveryOutcome:
    progress = service.ledger.entry(sealed.id).progress
    if progress in _SETTLED and not (retry and progress is Progress.DEAD):
        report(service, DeliveryEvent.REPEATED, sealed)
        return commit(service, sealed)
    if progress is Progress.NEW and service.clock.now() > sealed.expires + KEPT_SECONDS:
        return keep_dead_letter(service, sealed, envelope, Undeliverable.STALE, "")
    if sealed.parked:
        return park(service, sealed, envelope)
    if sealed.handler == service.rules.confirming.name:
        return process_answer(service, sealed, envelope)
    return hand_over(service, sealed, envelope)
