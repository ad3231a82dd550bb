"""Mail to an application's own address: refused, or sealed so that the hook may hand it over.

An application obeys header fields, so nothing reaches it as it came: what is let through here is restored by the hook,
like an answer to an address of ours. It has no token, so nothing is claimed; its id is made of the whole message, and
is the same whenever that message comes again.
"""

from reply_milter.core.mail import message_id
from reply_milter.core.mail.fingerprint import squeeze
from reply_milter.core.rules.message import is_loop, is_malformed, is_strictly_malformed
from reply_milter.core.seal import tagging
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import Finding
from reply_milter.core.verdict.reasons import MALFORMED_MESSAGE, MISSPELT, Reason
from reply_milter.core.wrapping.keys import direct_id, seal_original
from reply_milter.core.wrapping.native import Direct, Spelling, may_pass
from reply_milter.core.wrapping.plain import Plain
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.arrival import Arrival
from reply_milter.flows.verifying.judgement import Judgement
from reply_milter.flows.verifying.recipient import NATIVE, ReplyRecipient
from reply_text.syntax import message_ids

_NAMING = ("message-id", "from", "date", "subject")


def assess_direct(service: Service, direct: Direct) -> ReplyRecipient:
    """Decide about an application's own address. Nothing is asked of the store."""
    domain = direct.address.rpartition("@")[2]
    recipient = ReplyRecipient(domain, direct.address, direct.handler.policy, direct=direct)
    finding = _objection(service, direct)
    recipient.findings = [finding] if finding is not None else []
    return recipient


def _objection(service: Service, direct: Direct) -> Finding | None:
    """What is wrong with it: it no longer passes, or has another spelling than the application gives out."""
    has_left = service.mark is not None and service.mark.has_left(direct.handler.id)
    if not may_pass(direct, service.clock.now(), has_left):
        return NATIVE
    if direct.spelling is Spelling.ODD:
        return Finding(Reason.MALFORMED, MISSPELT, fixed=Action.REJECT)
    return None


def judge_direct(service: Service, arrival: Arrival, direct: Direct) -> Judgement:
    """Judge mail to an application's own address at its end: its form alone."""
    recipient = arrival.recipient
    finding, action = recipient.policy.decide([*recipient.findings, *_findings(service, arrival)])
    if action in (Action.PARK, Action.DISCARD):  # there is nobody to ask, and nothing may be lost
        action = Action.REJECT
    stays = action is Action.ACCEPT
    return Judgement(recipient, finding, action, stays, _tags(service, arrival, direct))


def _findings(service: Service, arrival: Arrival) -> list[Finding]:
    message, rules = arrival.message, service.rules
    found = []
    if is_malformed(message) or is_strictly_malformed(message):
        found.append(Finding(Reason.MALFORMED, MALFORMED_MESSAGE))
    if message.size > rules.verify.max_message_bytes:
        found.append(Finding.of(Reason.TOO_LARGE))
    if is_loop(message, rules.form):
        found.append(Finding.of(Reason.LOOP))
    return found


def _tags(service: Service, arrival: Arrival, direct: Direct) -> tagging.Tags:
    """What the hook needs: a name for this message, its handler, and the address that it came to, sealed away."""
    now, handler, rules = service.clock.now(), direct.handler, service.rules
    message = arrival.message
    named = [squeeze(message.first(name)) for name in _NAMING]
    if message_id.is_made_up(message_ids.own_id(message.first("message-id")), arrival.queue_id):
        named[0] = b""  # a retry gets another one
    identifier = direct_id(rules.keyring.realm, handler.name, direct.address, *named, arrival.body.octets())
    sealed = seal_original(rules.seal_keys[0], identifier, handler.name, Plain(direct.address, ""))
    return [*tagging.direct(identifier, handler, now), *tagging.original(direct.road, sealed)]
