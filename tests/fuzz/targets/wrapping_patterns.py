"""A pattern of addresses is refused in words, or its expression matches just what its automaton reads.

Input: three lines: an address with placeholders or stars, the form of a key, and the local part of an address.
"""

from reply_milter.core.wrapping.automaton import common_text, literal
from reply_milter.core.wrapping.pattern import ADDRESS_OCTETS, Pattern, PatternError, glob, parse
from tests.fuzz.octets import text

WORDS = (
    b"{key}", b"{any}", b"*", b"incoming+", b"reply", b"-confirm+", b"@x.test\n", b"@", b"\n", b"[a-f0-9]", b"[A-Z2-7]",
    b"{32}", b"{8,12}", b"{", b"}", b",", b"-", b"+", b".", b" ", b"abcdefgh", b"0123456789abcdef0123456789abcdef",
    b"[", b"]", b"%{token}", b"\\d", b"(", b"|", b"^", b"\xff", b"\0", "\u212a".encode(),
)  # fmt: skip


def one_input(octets: bytes) -> None:
    """Read it as an application's address and as an open one."""
    address, _, rest = text(octets).partition("\n")
    key, _, local = rest.partition("\n")
    for pattern in (_parsed(address, key), _globbed(address)):
        if pattern is not None:
            _hold(pattern, local)


def _parsed(address: str, key: str) -> Pattern | None:
    try:
        return parse(address, key)
    except PatternError as error:
        assert str(error)
    return None


def _globbed(address: str) -> Pattern | None:
    try:
        return glob(address)
    except PatternError as error:
        assert not error.in_key
    return None


def _hold(pattern: Pattern, local: str) -> None:
    example = pattern.common_address(pattern)
    assert example is None or (pattern.match(example) and len(example) <= ADDRESS_OCTETS)
    if "@" not in local and len(local) + len(pattern.domain) < ADDRESS_OCTETS:
        found = pattern.match(f"{local}@{pattern.domain}")
        assert (found is not None) == (local.isascii() and _reads(pattern, local))
        assert found is None or not pattern.has_key or pattern.key_form.fullmatch(found.key)


def _reads(pattern: Pattern, local: str) -> bool:
    return any(common_text(chain, literal(local), ADDRESS_OCTETS) is not None for chain in pattern.chains)
