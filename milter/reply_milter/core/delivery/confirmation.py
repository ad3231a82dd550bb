"""The mail that asks a user whether parked replies are theirs.

It shows only author, date and subject of a reply: with more, the holder of a reply address could send users a text of
any content. No line of it, however it is wrapped, is a word that releases a reply, because a robot may send the
mail back as its own text.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

from reply_milter.core.delivery.consent import NO_SHOWN, YES_SHOWN
from reply_milter.core.delivery.parked import ParkedReply

SUBJECT = "Is this reply yours?"
SUBJECT_LENGTH = 100
LISTED = 10  # the most replies that one question lists
_SHOWN = 53  # characters of a subject: short enough that no program wraps the quoted line and isolates its last word
_WIDTH = 76  # the longest encoded line: RFC 2045 section 6.7
_WORDS_WIDTH = 66
_UNFOLDED = SMTP.clone(
    max_line_length=998, cte_type="7bit"
)  # a reply address is nearly a line long, and some clients unfold badly
_BODY = SMTP.clone(max_line_length=_WIDTH, cte_type="7bit")

_TEXT = """\
{these} reached us, in your name:

    From:    {author}
{listed}

We do not know whether that address is yours, so nothing has been posted.
Your answer is about what stands above, and about nothing else.

If you wrote {all}, answer this message with the word "yes" alone on
the first line: it is then posted.
If you did not, begin your answer with the word "no": it is then deleted
now, and we do not ask about this reply address for a day.
If you do nothing, it is deleted on {until}.
Any other answer is ignored.

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
    """What the mail says. ``replies``: one to ten, of one kind, in the order in which they are shown.

    ``until``: when they are deleted; ``recipient``: the address on file; ``answers_to``: the reply address for the
    answer; ``message_id``: with brackets; ``now``, ``until``: Unix seconds; ``contact``: where users ask to have an
    address revoked.
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
    """Write the message, in ASCII with CRLF. The same question gives the same octets."""
    message = EmailMessage(policy=_BODY)
    message.set_content(_text(question), charset="utf-8", cte="quoted-printable")
    message["From"] = question.author
    message["To"] = question.recipient
    message["Reply-To"] = question.answers_to
    message["Subject"] = SUBJECT
    message["Date"] = datetime.fromtimestamp(question.now, UTC)
    message["Message-ID"] = question.message_id
    message["References"] = question.message_id  # clients copy it even if a relay replaced the Message-ID
    message["Auto-Submitted"] = "auto-generated"  # so that no vacation notice answers it
    return message.as_bytes(policy=_UNFOLDED)


def one_line(text: str) -> str:
    """Make ``text`` printable, and cut it to one line of 100 characters."""
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
    """List all words but the English ones, several per line: a line with one word would be an answer."""
    others = [word for word in words if word not in ("yes", "no")]
    lines = -(-sum(len(word) + 1 for word in others) // _WORDS_WIDTH)
    share = -(-len(others) // lines)
    return "\n".join(f"    {' '.join(others[at : at + share])}" for at in range(0, len(others), share))


def _moment(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")
