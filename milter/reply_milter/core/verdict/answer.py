"""What can be done with a message, and what the SMTP client hears."""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What a policy does about a reason."""

    ACCEPT = "accept"
    REJECT = "reject"
    DEFER = "defer"
    DISCARD = "discard"
    PARK = "park"


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """What the SMTP client hears: ``550``, ``5.7.1``, one line of text (codes: RFC 5321 and RFC 3463)."""

    code: str
    enhanced: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"
