"""A key file is keys, exactly one of which mints, or a list of mistakes, a line each, without any of what it holds.

Input: a file of master keys, and, behind a NUL, one of seal keys.
"""

import tomllib
from collections.abc import Iterator

from reply_milter.adapters.keyfile import KeyFileError, parse_master_keys, parse_seal_keys, write_master_keys
from reply_milter.core.token.keyring import KeyState

_HEX = b"00112233445566778899aabbccddeeffhunter2f"
WORDS = (
    b"[[key]]\n", b'id = "k1"\n', b'id = "k2"\n', b'state = "active"\n', b'state = "verify"\n', b'state = "retired"\n',
    b'secret = "' + b"0f" * 32 + b'"\n', b"minted_until = 0\n", b"minted_until = 1767225600\n", b'"', b"\n", b"=", b"#",
    b"\0", b"0f" * 32, b"0F" * 32 + b"\n", _HEX, b"\xff", b"\x0c", "\u2028".encode(), b"[", b"]", b"state", b"secret",
    b"id", b"1", b"\r\n",
)  # fmt: skip
_PATH = "keys"
_SHORTEST = 8  # characters of a value that are not in a mistake by accident


def one_input(octets: bytes) -> None:
    """Read both."""
    masters, _, seals = octets.decode("utf-8", "replace").partition("\0")
    try:
        keys = parse_master_keys(masters, _PATH)
    except KeyFileError as error:
        _tell_nothing(error.problems, [value for value in _values(masters) if masters.count(value) == 1])
    else:
        assert [key.state for key in keys].count(KeyState.ACTIVE) == 1
        assert len({key.id for key in keys}) == len(keys) and all(len(key.secret) == 32 for key in keys)
        assert parse_master_keys(write_master_keys(keys), _PATH) == keys
        assert not any(key.secret.hex() in repr(key) for key in keys)
    try:
        sealing = parse_seal_keys(seals, _PATH)
    except KeyFileError as error:
        _tell_nothing(error.problems, seals.split())
    else:
        assert sealing and all(len(key) == 32 for key in sealing)


def _tell_nothing(problems: list[str], secrets: list[str]) -> None:
    assert problems and all(problem.startswith(f"{_PATH}: ") and problem.isprintable() for problem in problems)
    told = "\n".join(problems)
    assert not any(len(secret) >= _SHORTEST and secret in told for secret in secrets), told


def _values(written: str) -> list[str]:
    try:
        return list(_below(tomllib.loads(written)))
    except (ValueError, RecursionError):
        return [word for word in written.split() if len(word) >= 2 * _SHORTEST]


def _below(value: object) -> Iterator[str]:
    """Every text that is a value: any of them may be a secret in the wrong place."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _below(inner)
