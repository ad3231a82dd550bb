"""Changes made in the text of main.cf and master.cf. Every line that no change is about stays as it is written."""

from collections.abc import Iterable
from itertools import pairwise

from reply_milter.core.attachment.change import Change, Texts
from reply_milter.core.diagnosis.postfix import syntax
from reply_milter.core.diagnosis.postfix.blocks import Block, KeyOf, is_comment, lines, name_of, service_of, split
from reply_milter.core.diagnosis.problem import MAIN_CF, MASTER_CF

KEYS: dict[str, KeyOf] = {MAIN_CF: name_of, MASTER_CF: service_of}
_Word = tuple[int, int]  # where it begins and ends in a text


def edited(given: Texts, changes: Iterable[Change]) -> dict[str, str]:
    """Return the files with ``changes``."""
    texts = dict(given)
    for change in changes:
        texts[change.file] = _changed(texts[change.file], change)
    return texts


def put(text: str, file: str, key: str, new: str) -> str:
    """Replace the entry ``key``, or append it; without a ``new`` text, remove it. Of several, Postfix uses the last."""
    found = split(text, KEYS[file])
    places = [place for place, block in enumerate(found) if block.key == key]
    if places:
        found[places[-1]] = Block(key, new)
        return "".join(block.text for block in found)
    return text + ("\n" if new and text and not text.endswith("\n") else "") + new


def last(text: str, file: str, key: str) -> Block | None:
    """Return the entry ``key``; of several, the last."""
    return next((block for block in reversed(split(text, KEYS[file])) if block.key == key), None)


def _changed(text: str, change: Change) -> str:
    key = change.service or change.name
    now = last(text, change.file, key)
    if not change.service:
        new = "" if change.after is None else setting(change.name, change.after, now.comments if now else "")
    elif not change.name:
        new = "" if change.after is None else _service(change.after)
    elif now is None:
        return text
    else:
        new = _with_option(now.text, change.name, change.after)
    return put(text, change.file, key, new)


def setting(name: str, value: str, comments: str = "") -> str:
    """Return an entry of main.cf; comments stay within it."""
    if comments and value:
        return f"{name} =\n{comments}    {value}\n"
    return f"{name} = {value}".rstrip() + "\n" + comments


def _service(line: str) -> str:
    """Return a service with each of its options on a line of its own."""
    words = [line[start:end] for start, end in _words(line)]
    text = " ".join(words[:8])
    for word in words[8:]:
        text += f"\n  {word}" if word == "-o" or not text.endswith("-o") else f" {word}"
    return f"{text}\n"


def _with_option(text: str, name: str, value: str | None) -> str:
    """Return a service with ``-o name=value``; without a ``value``, without that option."""
    found = [pair for pair in pairwise(_words(text)) if _is_option(text, pair, name)]
    if value is None:
        for (start, _), (_, end) in reversed(found):
            text = _cut(text, start, end)
        return text
    word = f"{{ {name} = {value} }}" if any(char.isspace() for char in value) else f"{name}={value}"
    if found:
        start, end = found[-1][1]
        return text[:start] + word + text[end:]
    return text + ("" if text.endswith("\n") else "\n") + f"  -o {word}\n"


def _is_option(text: str, pair: tuple[_Word, _Word], name: str) -> bool:
    (start, end), (from_, to) = pair
    word = text[from_:to]
    return text[start:end] == "-o" and (syntax.inside_braces(word) or word).partition("=")[0].strip() == name


def _cut(text: str, start: int, end: int) -> str:
    """Remove a part of a text, with its line if nothing else stands there."""
    head, tail = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    tail = len(text) if tail < 0 else tail + 1
    alone = not text[head:start].strip() and not text[end:tail].strip()
    return text[:head] + text[tail:] if alone else text[:start].rstrip(" \t") + text[end:]


def _words(text: str) -> list[_Word]:
    """Return the words of a service. White space within braces separates none (master(5)); comments have none."""
    found: list[_Word] = []
    start, depth, place = -1, 0, 0
    for line in lines(text):
        for char in "" if is_comment(line) else line:
            depth += {"{": 1, "}": -1}.get(char, 0)
            if char.isspace() and depth <= 0:
                found += [(start, place)] if start >= 0 else []
                start = -1
            elif start < 0:
                start = place
            place += 1
        place += len(line) if is_comment(line) else 0
    return [*found, (start, len(text))] if start >= 0 else found
