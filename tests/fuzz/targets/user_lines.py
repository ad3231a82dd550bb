"""A line of a file of users is a user, a data key, or a mistake that shows nothing of the line.

Input: the line, in any octets that a file can hold.
"""

import json
from dataclasses import replace

from reply_milter.core.native.known import SECRET_CHARACTERS, DataLine, Known, UserLine, read_line
from tests.fuzz.octets import text

_MISTAKES = {
    "is longer than 65536 characters", "is not JSON", "is not a JSON object",
    "must have id, secret, addresses and disabled; or handler, data, secret, expires and disabled; and no others",
    "id must be a whole number, secret a text that is not empty, disabled true or false",
    "addresses must be a list of at most 100 texts", "addresses must be a list of texts that are not empty",
    "handler, data and expires must be whole numbers, secret a text that is not empty, disabled true or false",
}  # fmt: skip
WORDS = (
    b'{"id": 42, "secret": "x", "addresses": ["jane@example.net"], "disabled": false}', b'{"handler": 1, "data": 7, ',
    b'"secret": "y"', b'"id": ', b'"expires": ', b'"disabled": true', b'"addresses": [', b"{", b"}", b"[", b"]", b",",
    b":", b"null", b"true", b"1e400", b"NaN", b"-1", b"9223372036854775808", b'"\\ud800"', b'"\\u0000"', b'"', b"\\",
    b"\xff", b"[" * 40, b'{"id":' * 20, b" ",
)  # fmt: skip


def one_input(octets: bytes) -> None:
    """Read it."""
    line = read_line(text(octets))
    if isinstance(line, str):
        assert line in _MISTAKES
        return
    known = line.known
    assert (
        0 < len(known.secret or known.data_secret) <= SECRET_CHARACTERS and (known.secret + known.data_secret).isascii()
    )
    if isinstance(line, UserLine):
        assert 0 <= line.user < 1 << 63 and not known.data_secret and len(known.addresses) <= 100
        assert all(known.addresses), "an address that matches everybody"
    else:
        _is_data(line, known)
    shown = repr(replace(known, addresses=()))  # an address may be anything, the secret included
    assert known.secret + known.data_secret not in shown or len(known.secret + known.data_secret) < 8
    json.loads(text(octets))


def _is_data(line: DataLine, known: Known) -> None:
    assert 0 <= line.handler < 1 << 63 and 0 <= line.data < 1 << 63 and 0 <= known.expires < 1 << 63
    assert not known.secret and not known.disabled and known.addresses == ()
