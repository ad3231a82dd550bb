"""Drive steps that ask the store, or others, by waiting for each answer."""

from typing import Any

from reply_milter.core.verdict.verdict import Verdict
from reply_milter.ports import Asking, Claim, FactsOf, Pending, Release, Request, Store
from reply_milter.ports.asking import T


def settled(answer: Verdict | Pending[Verdict]) -> Verdict:
    """Return an answer to the MTA, after those of the store if it needs them."""
    return drive(answer.steps, answer.store) if isinstance(answer, Pending) else answer


def drive(steps: Asking[T], store: Store) -> T:
    """Run ``steps`` to their end, each request answered by ``store`` before the next; return their outcome.

    What the store raises goes into the steps, and comes out of them again unless they expect it.
    """
    answer: Any = None
    failure: Exception | None = None
    while True:
        try:
            request = steps.send(answer) if failure is None else steps.throw(failure)
        except StopIteration as end:
            outcome: T = end.value
            return outcome
        finally:
            failure = None  # its traceback leads to this frame: neither would be freed
        try:
            answer = put(request, store)
        except Exception as error:  # noqa: BLE001 # the steps know what they expect
            failure = error


def put(request: Request, store: Store) -> Any:
    """Ask ``store``, or whom the request names, and wait for the answer.

    Raises:
        StoreUnavailableError: the store gave none in time.
        Exception: what a ``Consult`` raises.
    """
    if isinstance(request, Claim):
        return store.claim(request)
    if isinstance(request, FactsOf):
        return store.facts(*request)
    if isinstance(request, Release):
        return store.release(request.claim)
    return request.call()
