"""The edits of a message at its end: foreign verdicts are removed, and ours is added; or a recipient is removed."""

from collections.abc import Iterable

from reply_milter.core.mail import headers
from reply_milter.core.seal import tagging, verdict_header
from reply_milter.flows.service import Rules
from reply_milter.flows.verifying.arrival import Arrival


def seal(rules: Rules, arrival: Arrival, tags: tagging.Tags) -> tuple[headers.Edit, ...]:
    """Remove foreign verdicts, last first, then add ours on top of everything.

    If there are more than an MTA removes within seconds (observe mode accepts such a message), nothing is edited:
    readers believe no verdict that occurs twice, and ours would be one more.
    """
    foreign = len(arrival.message.fields.get(headers.VERDICT.lower(), ()))
    if foreign > headers.FIELDS_LIMIT:
        return ()
    queue_id = arrival.queue_id if verdict_header.is_value(arrival.queue_id) else ""  # another MTA's may be anything
    arrived = tagging.Arrived(arrival.recipient.domain, queue_id, arrival.body.text(), arrival.source)
    sealed = verdict_header.seal([*tags, *tagging.closing(arrived)], rules.seal_keys[0])
    edits = [*headers.strip(headers.VERDICT, foreign)]
    verify = rules.verify
    if verify.authserv_id and verify.add_authentication_results and arrival.recipient.checked is not None:
        edits.append(headers.Insert(headers.AUTHENTICATION_RESULTS, f"{verify.authserv_id}; x-reply-token=pass"))
    edits.append(headers.Insert(headers.VERDICT, sealed))
    return tuple(edits)


def removals(arguments: Iterable[str]) -> tuple[headers.Edit, ...]:
    """Remove recipients, as the client spelled them."""
    return tuple(headers.RemoveRecipient(argument) for argument in arguments)
