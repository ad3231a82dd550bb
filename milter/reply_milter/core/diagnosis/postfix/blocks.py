"""The text of main.cf and master.cf in blocks: an entry with all of its lines, or the comments between two entries."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

KeyOf = Callable[[str], str]


class Block(NamedTuple):
    """Lines as they are written, with their ends. ``key``: of the entry; empty for comments and empty lines."""

    key: str
    text: str

    @property
    def logical(self) -> str:
        """Return the entry as Postfix reads it: on one line, without comments."""
        return "".join(line.rstrip("\n") for line in lines(self.text) if not is_comment(line))

    @property
    def comments(self) -> str:
        """Return the comments and empty lines within the entry."""
        return "".join(line for line in lines(self.text) if is_comment(line))


def split(text: str, key_of: KeyOf) -> list[Block]:
    """Split a file; ``key_of`` returns the key of an entry, given its first line.

    Lines that begin with white space continue the entry before them, also behind comments (postconf(5)).
    """
    found: list[list[str]] = []
    between: list[str] = []
    for line in lines(text):
        if is_comment(line):
            between.append(line)
        elif line[0].isspace() and found:
            found[-1] += [*between, line]
            between = []
        else:
            found += [between, [line]] if between else [[line]]
            between = []
    return [_block(each, key_of) for each in (*found, between) if each]


def _block(written: list[str], key_of: KeyOf) -> Block:
    return Block("" if is_comment(written[0]) else key_of(written[0]), "".join(written))


def lines(text: str) -> Iterator[str]:
    """Yield the lines of a text with their ends; Postfix knows no end but a line feed."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def is_comment(line: str) -> bool:
    """Return whether Postfix skips a line."""
    bare = line.strip()
    return not bare or bare.startswith("#")


def name_of(line: str) -> str:
    """Return the name of the setting that a line of main.cf begins."""
    return line.partition("=")[0].strip()


def service_of(line: str) -> str:
    """Return the service that a line of master.cf begins, as ``name/type``."""
    return "/".join(line.split()[:2])
