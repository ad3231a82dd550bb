"""What follows an answer: it is counted and committed where it was given, and released where it was not."""

from contextlib import suppress

from reply_milter.core.mail import headers
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.judgement import Answer
from reply_milter.ports import Asking, Claim, Release, StoreUnavailableError


def release(reserved: Claim) -> Asking[None]:
    """Release what was claimed for an answer that could not be given."""
    with suppress(StoreUnavailableError):  # the reservation stays, and accepts the client's retry all the same
        yield Release(reserved)


def report(service: Service, answer: Answer) -> None:
    """Count an answer that was given, and commit what was claimed for it."""
    for decision in answer.decisions:
        service.telemetry.message(decision)
    judgement = answer.judgement
    if judgement is None:
        return
    checked = judgement.recipient.checked
    if judgement.stays and checked is not None and checked.key.master_id:
        service.telemetry.key_used(checked.key.master_id, service.clock.now())
    edits: tuple[headers.Edit, ...] = getattr(answer.verdict, "edits", ())
    stripped = sum(isinstance(edit, headers.Delete) for edit in edits)
    if stripped:
        service.telemetry.headers_stripped(stripped)
    if judgement.reserved is not None:
        if judgement.age is not None:
            service.telemetry.token_age(judgement.age)
        if service.commits is not None and answer.commits:
            service.commits.enqueue(judgement.reserved.id)
