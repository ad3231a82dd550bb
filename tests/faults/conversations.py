"""Notifications of wrapped applications and their answers, many at a time, by clients that retry as an MTA does."""

import smtplib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email import message_from_bytes

from tests.support.hosts.receiver import Receiver
from tests.support.hosts.wrapping_site import WrappingSite
from tests.support.mail_programs import Answer
from tests.support.notifications import Case, handmade

_PATIENCE = 90.0
_WAIT = 0.1


@dataclass
class Conversations:
    """``tries``: of notifications and answers together; ``deferred``, ``dropped``: those that were not taken."""

    host: WrappingSite
    receiver: Receiver
    answers: dict[str, Case] = field(default_factory=dict)
    tries: int = 0
    deferred: int = 0
    dropped: int = 0
    refused: list[str] = field(default_factory=list)

    def hold(self, cases: list[Case], clients: int = 4) -> "Conversations":
        """Hold them all; then wait until nothing is on its way any more."""
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(self._one, cases))
        deadline = time.monotonic() + _PATIENCE
        while self.host.site.mta.queue() and time.monotonic() < deadline:
            self.host.site.postfix.flush()
            time.sleep(0.3)
        return self

    def _one(self, case: Case) -> None:
        if not self._until_taken(lambda: self._submit(case)):
            return
        left = self.host.world.with_text(case.name, seconds=_PATIENCE)[-1]
        answer = Answer(left.message, case.recipient)
        with _LOCK:
            self.answers[answer.identifier] = case
        sender = f"<{case.recipient}>"
        self._until_taken(lambda: self.host.site.send([f"<{answer.to}>"], answer.message, sender=sender))

    def _submit(self, case: Case) -> str:
        code, text = self.host.submit(case.message, [case.recipient], sender=case.sender)
        return f"{code} {text}"

    def _until_taken(self, attempt: Callable[[], str]) -> bool:
        """Try until it is taken, or refused for good."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            try:
                heard = attempt()
            except (smtplib.SMTPException, OSError):
                heard = ""
            with _LOCK:
                self.tries += 1
                self.deferred += heard.startswith("4")
                self.dropped += not heard
                self.refused += [heard] if heard.startswith("5") else []
            if heard[:1] in ("2", "5"):
                return heard[:1] == "2"
            time.sleep(_WAIT)
        return False

    def effects(self) -> tuple[int, int, int]:
        """How many answers had no effect, more than one, and one with another original than their own."""
        reached: dict[str, set[str]] = {}
        for call in list(self.receiver.calls):
            message = message_from_bytes(call.body)
            identifier = str(message["message-id"]).strip("<>")
            reached.setdefault(identifier, set()).add(str(message["to"]))
        lost = sum(identifier not in reached for identifier in self.answers)
        wrong = sum(
            reached.get(identifier, {case.native}) != {case.native} for identifier, case in self.answers.items()
        )
        ids = len({call.headers["webhook-id"] for call in self.receiver.calls})
        doubled = max(0, ids - len(reached)) + sum(count > 1 for count in self.receiver.posts.values())
        return lost, doubled, wrong


_LOCK = threading.Lock()


def cases(name: str, wanted: int) -> list[Case]:
    """Of three kinds of application in turn: a short key, one too long for a capsule, and one address for all."""
    kinds = ("discourse", "gitea", "redmine")
    return [
        handmade(kinds[number % 3], name=f"{name} {number}", recipient=f"user{number % 7}@client.example")
        for number in range(wanted)
    ]
