"""A conversation that takes everything, but for the step that fails."""

from typing import Any

from reply_milter.core.verdict.verdict import Accept, Verdict
from reply_milter.ports import DEFER_INTERNAL


class FailingConversation:
    """Implements ``ports.Conversation``. ``failing``: the step that raises; ``steps``: those that were called."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.whole = True
        self.steps: list[str] = []

    def __getattr__(self, step: str) -> Any:
        def call(*_arguments: object) -> Verdict | bool | None:
            self.steps.append(step)
            if step == self.failing:
                raise ValueError("an accident")
            if step == "mark_broken":
                self.whole = False
            if step == "mail":
                self.whole = True
            if step in ("rcpt", "end_of_message"):
                return Accept() if self.whole else DEFER_INTERNAL
            return True if step in ("body", "data") else None  # compiled callbacks check what a protocol declares

        return call
