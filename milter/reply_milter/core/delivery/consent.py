"""What an answer to a question says: yes, no, or nothing.

Whatever is not certainly a yes of the author's is none: robots answer, too, and people who mean no. Yes is one word of
the table, alone on the first line; a no may go on, because "No, that was not me" is a likelier answer than the word
alone. Words count in the languages in which attributions are known (``core.content.words``).
"""

import unicodedata
from enum import Enum, auto

from reply_milter.core.content import Content
from reply_milter.core.rules import auto_reply
from reply_milter.core.rules.auto_reply import Fields
from reply_milter.core.rules.thread import candidates


class Answer(Enum):
    """``NONE``: it concerns no reply, and nobody hears of it."""

    YES = auto()
    NO = auto()
    NONE = auto()


# As they are shown to users: the languages in the order of their English names.
YES_SHOWN = (
    "yes نعم da 是 ano ja jah kyllä oui ναι כן igen já sì はい 네 jā taip да tak sim áno sí evet так có".split()
)  # fmt: skip
NO_SHOWN = (
    "no لا ne не 不是 nej nee ei non nein όχι לא nem いいえ 아니요 nē nei nie não nu нет hayır ні không".split()
)  # fmt: skip

_MORE_YES = frozenset("si aye 是的 对 對 예 áno ναί vâng kylla joo".split())
_MORE_NO = frozenset("οχι 否 不 아니오 아니 nao hayir khong nope".split())
YES = frozenset(YES_SHOWN) | _MORE_YES
NO = frozenset(NO_SHOWN) | _MORE_NO
# In another of these languages they say something else ("tak" thanks in Danish, "igen" asks for it again): they are a
# yes only if the author says no more than that.
YES_BY_ITSELF = frozenset("tak так igen já".split())
# Others begin sentences with these, so that more must stand apart: "Ne supprimez rien", "Nu ser jag den", "Nie mehr".
_NO_BEFORE_A_STOP = frozenset("ne не nu nie ei nem nei 不 不是 否 아니 لا".split())

_LINE = 100  # characters that are looked at
_LINES = 10
_LOOKED_AT = 1000
_AROUND = frozenset(".!,*_'\"`´‘’“”„«»()¡。！，、．،… \t\xa0")  # no question mark, and no > of a quote
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}

_ROBOTS = ("precedence", "x-precedence", "x-loop", "x-mailing-list", "feedback-id", "mailing-list")
_OF_ROBOTS = ("list-", "x-list-", "x-auto", "x-cron-", "x-failed-", "x-mailman-")  # fields that begin so
_RECEIPTS = ("message/disposition-notification", "message/delivery-status", "message/feedback-report")


def read_answer(sender: str, fields: Fields, message_id: str, content: Content) -> Answer:
    """What a message says to the question with this Message-ID, which stands in brackets.

    ``sender``: that of the envelope. A robot says nothing, nor does a mail that does not name the question.
    """
    if not sender or is_of_a_robot(fields) or any(part.content_type in _RECEIPTS for part in content.attachments):
        return Answer.NONE
    if message_id.strip("<>") not in _named(fields):
        return Answer.NONE
    return answer_of(content.stripped)


def is_of_a_robot(fields: Fields) -> bool:
    """Whether anything hints at it: here a person who is not heard may write once more, and nothing is lost."""
    marked = any(name in _ROBOTS or name.startswith(_OF_ROBOTS) for name in fields)
    return marked or auto_reply.is_automatic(fields) or auto_reply.is_report(fields)


def answer_of(text: str) -> Answer:
    """What the author's own ``text`` says. No more than its first lines are looked at."""
    line, more = _first_line(text)
    if line is None:
        return Answer.NONE
    word, rest = _first_word(line)
    alone = not any(character not in _AROUND for character in rest)
    if word in YES and alone and not (more and word in YES_BY_ITSELF):
        return Answer.YES
    if word in NO and (alone or word not in _NO_BEFORE_A_STOP or _stops(rest)):
        return Answer.NO
    return Answer.NONE


def _named(fields: Fields) -> list[str]:
    in_reply_to, references = (fields.get(name) or [""] for name in ("in-reply-to", "references"))
    return candidates(in_reply_to[0], references[0])


def _first_line(text: str) -> tuple[str | None, bool]:
    """The first line that shows anything, and whether there is more below it. None: it is too long, or too far down."""
    lines = text[:_LOOKED_AT].split("\n", _LINES)
    for index, line in enumerate(lines[:_LINES]):
        shown = _plain(line[:_LINE])
        if shown:
            is_whole = len(line) <= _LINE
            return (shown if is_whole else None), len(text) > _LOOKED_AT or any(map(_plain, lines[index + 1 :]))
    return None, False


def _plain(line: str) -> str:
    """As it is compared: without what nobody sees, full-width letters and capitals as others, one form of accents."""
    seen = "".join(character for character in line if unicodedata.category(character) != "Cf")
    composed = unicodedata.normalize("NFC", seen.translate(_FULL_WIDTH)).casefold()
    return unicodedata.normalize("NFC", composed).strip()


def _first_word(line: str) -> tuple[str, str]:
    begin = 0
    while begin < len(line) and line[begin] in _AROUND:
        begin += 1
    end = begin
    while end < len(line) and unicodedata.category(line[end])[0] in "LMN":
        end += 1
    return line[begin:end], line[end:]


def _stops(rest: str) -> bool:
    """Whether a mark ends the word, and not a blank or a letter's neighbour."""
    return rest.lstrip("*_'\"")[:1] in tuple(".!,。！，、．،…;:-–—")
