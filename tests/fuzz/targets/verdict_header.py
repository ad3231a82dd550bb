"""A verdict opens only if we sealed exactly these tags, however it is folded; and what we seal opens.

Input: values of the field, separated by NUL; the first is also read as tags, a line each, which are then sealed.
"""

import re

from reply_milter.core.seal.verdict_header import SealProblem, is_value, seal, unseal
from tests.fuzz.octets import text
from tests.support.fakes import SEAL_KEY

WORDS = (
    b"v=1", b";", b"; ", b"=", b"seal=", b"result=pass", b"user=42", b"id=abcdefghijklmnopqrstuvwxyz", b"\n\t",
    b"\r\n ", b"\0", b"\n", b" ", b"\x0b", b"\x00", "\u0085".encode(), b"\xff", b"aaaaaaaaaaaaaaaaaaaaaaaaaa",
    b"/~@:+-._",
)  # fmt: skip
_BLANK = re.compile("[ \t\r\n]+")
_KEYS = (bytes(32), SEAL_KEY)


def one_input(octets: bytes) -> None:
    """Open it; then seal it, and open that."""
    values = text(octets).split("\0")
    tags = unseal(values, _KEYS)
    if not isinstance(tags, SealProblem):
        _was_sealed_by_us(values, tags)
    _seals([line.partition("=")[::2] for line in values[0].split("\n")])


def _was_sealed_by_us(values: list[str], tags: dict[str, str]) -> None:
    """The one field there is, and white space apart the very text that we write for these tags."""
    (value,) = values
    told = [(name, tag) for name, tag in tags.items() if name != "seal"]
    written = {_BLANK.sub("", seal(told, key)) for key in _KEYS}
    assert _BLANK.sub("", value).removesuffix(";") in written


def _seals(told: list[tuple[str, str]]) -> None:
    names = [name for name, value in told if value]
    good = len(set(names)) == len(names) and all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in names)
    if not good or "seal" in names or ("v", "1") not in told:
        return
    try:
        value = seal(told, SEAL_KEY)
    except ValueError:
        assert not all(is_value(tag) for _, tag in told if tag)
        return
    assert all(len(line.expandtabs(8)) < 78 for line in f"X-Reply-Verdict: {value}".split("\n"))
    assert not set(value) - set(" \t\n") - set(map(chr, range(33, 127))), "something that ends a line, or no text"
    expected = {name: tag for name, tag in told if tag}
    for spelled in (value, value.replace("\n", "\r\n"), _BLANK.sub("", value), value.replace(";", " ;") + ";"):
        opened = unseal([spelled], _KEYS)
        assert not isinstance(opened, SealProblem) and opened.pop("seal") and opened == expected
    last = value[-1]
    assert isinstance(unseal([value[:-1] + ("b" if last == "a" else "a")], _KEYS), SealProblem)
    assert unseal([value, value], _KEYS) is SealProblem.DOUBLED
