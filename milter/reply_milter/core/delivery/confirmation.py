"""The mail that asks a user whether parked replies are theirs.

It shows nothing of a reply but its author, date and subject: whoever holds an address could otherwise have us send
people what they like. No line of it is a word that would release something, however it is wrapped: a robot may send it
back as its own text.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

from reply_milter.core.delivery.consent import NO_SHOWN, YES_SHOWN
from reply_milter.core.delivery.parked import ParkedReply

SUBJECT = "Is this reply yours?"
SUBJECT_LENGTH = 100
LISTED = 10  # replies that one question asks about, at most
_SHOWN = 53  # characters of a subject: no program that quotes it wraps the line, and leaves its last word by itself
_WIDTH = 76  # RFC 2045 section 6.7: of an encoded line, at most
_WORDS_WIDTH = 66
_UNFOLDED = SMTP.clone(
    max_line_length=998, cte_type="7bit"
)  # a reply address is nearly a line, and not every client unfolds well
_BODY = SMTP.clone(max_line_length=_WIDTH, cte_type="7bit")

_TEXT = """\
{these} reached us, in your name:

    From:    {author}
{listed}

We do not know that address to be yours, so nothing of it has been posted.
Your answer is about what stands above, and about nothing else.

If you wrote {all}, answer this message with the word "yes" alone on
the first line: it is then posted.
If you did not, begin your answer with the word "no": it is then deleted
now, and we do not ask about this reply address for a day.
If you do nothing, it is deleted on {until}.
Any other answer is read by nobody.

If it was not you, somebody knows a reply address that we made for you.
To have that address revoked, write to {contact}
and name {token_id}.

Instead of "yes" you may write one of:
{yes}
and instead of "no" one of:
{no}
"""


@dataclass(frozen=True, slots=True)
class QuestionMail:
    """``replies``: one to ten, of one kind, in the order in which they are shown; ``until``: when they are deleted.

    ``recipient``: the address on file; ``answers_to``: the reply address for it; ``message_id`` with brackets; ``now``
    in Unix seconds; ``contact``: who has addresses revoked.
    """

    replies: tuple[ParkedReply, ...]
    author: str
    recipient: str
    answers_to: str
    message_id: str
    now: int
    until: int
    contact: str


def compose(question: QuestionMail) -> bytes:
    """The whole message, with CRLF, in ASCII. The same question is the same octets."""
    message = EmailMessage(policy=_BODY)
    message.set_content(_text(question), charset="utf-8", cte="quoted-printable")
    message["From"] = question.author
    message["To"] = question.recipient
    message["Reply-To"] = question.answers_to
    message["Subject"] = SUBJECT
    message["Date"] = datetime.fromtimestamp(question.now, UTC)
    message["Message-ID"] = question.message_id
    message["References"] = question.message_id  # clients copy it also where a relay gave it another Message-ID
    message["Auto-Submitted"] = "auto-generated"  # no vacation notice is to answer it
    return message.as_bytes(policy=_UNFOLDED)


def one_line(text: str) -> str:
    """``text`` as it may be shown: printable, and not longer than a line."""
    shown = "".join(character if character.isprintable() else " " for character in text[: 4 * SUBJECT_LENGTH])
    return " ".join(shown.split())[:SUBJECT_LENGTH]


def _text(question: QuestionMail) -> str:
    first, count = question.replies[0], len(question.replies)
    return _TEXT.format(
        these="A reply" if count == 1 else f"{count} replies",
        author="".join(one_line(first.author).split()) or "(nobody)",
        listed="\n".join(
            f"\n    Date:    {_moment(reply.arrived)}\n    Subject: {_subject(reply)}" for reply in question.replies
        ),
        all="it" if count == 1 else "all of them",
        until=_moment(question.until),
        contact=question.contact,
        token_id=first.sealed.token_id,
        yes=_words(YES_SHOWN),
        no=_words(NO_SHOWN),
    )


def _subject(reply: ParkedReply) -> str:
    return one_line(reply.subject)[:_SHOWN].strip() or "(none)"


def _words(words: list[str]) -> str:
    """All but English, several a line; a line never holds one alone, for that would be an answer."""
    others = [word for word in words if word not in ("yes", "no")]
    lines = -(-sum(len(word) + 1 for word in others) // _WORDS_WIDTH)
    share = -(-len(others) // lines)
    return "\n".join(f"    {' '.join(others[at : at + share])}" for at in range(0, len(others), share))


def _moment(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")
