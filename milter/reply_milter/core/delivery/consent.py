"""Read the answer to a question: yes, no, or none.

Only an unmistakable yes of the author counts as one, because robots answer, too, and people who mean no. A yes is one
word of the table, alone on the first line. A no may be followed by text, because "No, that was not me" is likelier than
the word alone. The words are of the languages whose attributions ``reply_text.words`` knows.
"""

import unicodedata
from enum import Enum, auto

from reply_milter.core.rules import auto_reply
from reply_milter.core.rules.auto_reply import Fields
from reply_milter.core.rules.thread import candidates
from reply_text import Content


class Answer(Enum):
    """The answer of a mail to a question. ``NONE``: the mail is ignored."""

    YES = auto()
    NO = auto()
    NONE = auto()


# As users see them: the languages in the order of their English names.
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
# These mean something else in another of the languages ("tak": thanks in Danish; "igen": again in Danish): they are a
# yes only if the author writes nothing else.
YES_BY_ITSELF = frozenset("tak так igen já".split())
# These begin sentences in other languages ("Ne supprimez rien", "Nu ser jag den", "Nie mehr"): they are a no only alone
# or before a punctuation mark.
_NO_BEFORE_A_STOP = frozenset("ne не nu nie ei nem nei 不 不是 否 아니 لا".split())

_LINE = 100  # characters that are read of a line
_LINES = 10
_LOOKED_AT = 1000
_AROUND = frozenset(
    ".!,*_'\"`´‘’“”„«»()¡。！，、．،… \t\xa0"
)  # without the question mark, and without the > of a quote
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}

_ROBOTS = ("precedence", "x-precedence", "x-loop", "x-mailing-list", "feedback-id", "mailing-list")
_OF_ROBOTS = ("list-", "x-list-", "x-auto", "x-cron-", "x-failed-", "x-mailman-")  # fields that begin so
_RECEIPTS = ("message/disposition-notification", "message/delivery-status", "message/feedback-report")


def read_answer(sender: str, fields: Fields, message_id: str, content: Content) -> Answer:
    """Read the answer to the question with ``message_id``, which is in brackets.

    ``sender``: of the envelope. A mail of a robot, or one that does not name the question, is no answer.
    """
    if not sender or is_of_a_robot(fields) or any(part.content_type in _RECEIPTS for part in content.attachments):
        return Answer.NONE
    if message_id.strip("<>") not in _named(fields):
        return Answer.NONE
    return answer_of(content.stripped)


def is_of_a_robot(fields: Fields) -> bool:
    """Return whether there is any sign of a robot. A weak sign is enough: an ignored person can answer again."""
    marked = any(name in _ROBOTS or name.startswith(_OF_ROBOTS) for name in fields)
    return marked or auto_reply.is_automatic(fields) or auto_reply.is_report(fields)


def answer_of(text: str) -> Answer:
    """Read the answer in the author's own ``text``, from its first lines alone."""
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
    """Return the first visible line, and whether more text follows. None: it is too long, or too far down."""
    lines = text[:_LOOKED_AT].split("\n", _LINES)
    for index, line in enumerate(lines[:_LINES]):
        shown = _plain(line[:_LINE])
        if shown:
            is_whole = len(line) <= _LINE
            return (shown if is_whole else None), len(text) > _LOOKED_AT or any(map(_plain, lines[index + 1 :]))
    return None, False


def _plain(line: str) -> str:
    """Normalise a line: no invisible characters, half-width lower-case letters, composed accents, no outer blanks."""
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
    """Whether a punctuation mark ends the word."""
    return rest.lstrip("*_'\"")[:1] in tuple(".!,。！，、．،…;:-–—")
