"""The mail that asks a user whether a parked reply is theirs, and what an answer to it says.

It shows nothing of the reply but its author, date and subject: whoever holds an address could otherwise have us send
people what they like.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

from reply_milter.core.parked import ParkedReply

SUBJECT = "Is this reply yours?"
SUBJECT_LENGTH = 100
_UNFOLDED = SMTP.clone(
    max_line_length=998, cte_type="7bit"
)  # a reply address is nearly a line, and not every client unfolds well
_NO = re.compile(r"[\W_]*no\b", re.IGNORECASE)

_TEXT = """\
A reply that bears your name reached us on {arrived}:

    From:    {author}
    Subject: {subject}

We do not know that address to be yours, so it has not been posted.

If you wrote it, answer this message, with any text: it is then posted.
If you did not, do nothing: it is deleted on {until}.
Or begin your answer with the word "no": it is then deleted now.
"""


@dataclass(frozen=True, slots=True)
class Question:
    """``recipient``: the address on file; ``answers_to``: the reply address for it; ``message_id`` with brackets."""

    parked: ParkedReply
    author: str
    recipient: str
    answers_to: str
    message_id: str
    now: int


def write(question: Question) -> bytes:
    """The whole message, with CRLF."""
    message = EmailMessage(policy=_UNFOLDED)
    message["From"] = question.author
    message["To"] = question.recipient
    message["Reply-To"] = question.answers_to
    message["Subject"] = SUBJECT
    message["Date"] = datetime.fromtimestamp(question.now, UTC)
    message["Message-ID"] = question.message_id
    message["Auto-Submitted"] = "auto-generated"  # no vacation notice is to answer it
    parked = question.parked
    message.set_content(
        _TEXT.format(
            arrived=_moment(parked.arrived),
            author=one_line(parked.author) or "(nobody)",
            subject=one_line(parked.subject) or "(none)",
            until=_moment(parked.until),
        )
    )
    return message.as_bytes()


def one_line(text: str) -> str:
    """``text`` as it may be shown: printable, and not longer than a line."""
    shown = "".join(character if character.isprintable() else " " for character in text[: 4 * SUBJECT_LENGTH])
    return " ".join(shown.split())[:SUBJECT_LENGTH]


def is_denial(text: str) -> bool:
    """Whether an answer's own text begins with the word that disowns the reply, whatever else it says.

    "No, that was not me" is a likelier answer than the word alone, and must not have it posted.
    """
    return _NO.match(text) is not None


def _moment(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")
