"""A case in observe mode: the same lines, and header and metric report what enforce mode would have done."""

import re
from collections import Counter
from dataclasses import dataclass, field

from tests.system.case_file import SENDER, Conversation

_ACTIONS = {"5": "reject", "4": "defer"}
_WOULD = re.compile(r'reply_milter_messages_total\{.*verdict="would_(\w+)".*\}')


@dataclass
class Observed(Conversation):
    """Nothing is refused. What enforce refuses arrives and says ``would``; what it takes says nothing.

    What enforce refuses at RCPT is sent as a message of its own, after the lines.
    """

    would: dict[str, str] = field(default_factory=dict)  # by X-Seq; an empty text for a message that enforce takes
    next_would: str = ""
    refused: list[tuple[str, str, str]] = field(default_factory=list)  # sender, recipient, action
    sender: str = ""
    mixed_up: bool = False  # enforce refused a recipient of this message, so observe judges another one
    any_mixed_up: bool = False

    def run(self, text: str) -> None:
        """Run the lines, then look for every message, and count."""
        before = self._counted()
        super().run(text)
        for number, (sender, recipient, action) in enumerate(self.refused):
            self._send_refused(f"{self.name}-rcpt-{number}", sender, recipient, action)
        for name, action in self.would.items():
            found = self.site.arrived("X-Seq", name, 1 if action else 0)
            told = [message.tags.get("would", "") for message in found if isinstance(message.tags, dict)]
            assert told == [action] * (1 if action else len(told)), f"{name}: {told}, not {action!r}"
        expected = Counter(action for action in self.would.values() if action)
        counted = self._counted() - before
        assert counted == expected or (self.any_mixed_up and counted >= expected), f"{counted}, not {expected}"

    def _counted(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for name, value in self.site.metrics().items():
            match = _WOULD.fullmatch(name)
            if match:
                found[match[1]] += int(value)
        return found

    def _send_refused(self, name: str, sender: str, recipient: str, action: str) -> None:
        message = f"From: {SENDER}\r\nX-Seq: {name}\r\nMessage-ID: <{name}@client.example>\r\n\r\nHello\r\n".encode()
        heard = self.site.send([recipient], message, sender)
        assert heard.startswith("250"), f"{recipient}: {heard}"
        self.would[name] = action

    def do_from(self, rest: str) -> None:
        super().do_from(rest)
        self.sender, self.next_would, self.mixed_up = rest, "", False

    def do_rcpt(self, rest: str) -> None:
        recipient, _, wanted = rest.rpartition(" = ")
        if wanted.startswith(("550 5.1.1", "454", "554")):  # the MTA's own business
            super().do_rcpt(rest)
            return
        action = _ACTIONS.get(wanted[0])
        self.mixed_up = self.mixed_up or action is not None
        self.any_mixed_up = self.any_mixed_up or self.mixed_up
        if action == "reject":  # 452 is no fate of a message that stands alone
            self.refused.append((self.sender, recipient, action))
        super().do_rcpt(f"{recipient} = 250")

    def do_would(self, rest: str) -> None:
        self.next_would = rest.strip()

    def do_send(self, rest: str) -> None:
        action = _ACTIONS.get(rest.removeprefix("= ")[0], self.next_would)
        if action or not self.mixed_up:
            self.would[f"{self.name}-{len(self.answers)}"] = action
        super().do_send("= 250")

    def do_untouched(self, _rest: str) -> None:
        """Observe mode takes what enforce refuses, and puts it on record."""

    def do_arrived(self, _rest: str) -> None:
        """Other numbers than in enforce."""

    def do_held(self, _rest: str) -> None:
        """Other places, too."""

    def do_tags(self, _rest: str) -> None:
        """As ``would`` reports it."""

    def do_notags(self, _rest: str) -> None:
        """As ``would`` reports it."""

    def do_field(self, _rest: str) -> None:
        """Nothing of observe mode."""

    def do_noverdict(self, _rest: str) -> None:
        """Nothing of observe mode."""
