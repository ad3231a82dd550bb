"""A step of a conversation that waits for the store, or for somebody else whom it consults."""

from collections.abc import Callable
from typing import Any

from reply_milter.ports import Pending, Request

Then = Callable[[Any, Exception | None], None]


class Question:
    """``request``: what ``store``, or whom it names, is asked next. ``then`` gets the outcome, or what they raised.

    ``is_new``: nobody was asked yet. ``started``: when the step began, for its metrics.
    """

    __slots__ = ("_steps", "_then", "is_new", "request", "started", "store")

    def __init__(self, pending: Pending[Any], then: Then, started: float) -> None:
        self._steps = pending.steps
        self._then = then
        self.store = pending.store
        self.started = started
        self.request: Request
        self.is_new = False

    def go_on(self, answer: Any = None, failure: Exception | None = None) -> bool:
        """Take the store's answer; return whether it is to be asked for more (``request``)."""
        try:
            self.request = self._steps.send(answer) if failure is None else self._steps.throw(failure)
        except StopIteration as end:
            self._then(end.value, None)
            return False
        except Exception as error:  # noqa: BLE001 # each step knows what its failure is answered with
            self._then(None, error)
            return False
        finally:
            failure = None  # its traceback leads to this frame: neither would be freed
        self.is_new = True
        return True
