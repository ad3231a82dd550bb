"""PLAIN has one spelling, and no capsule but the genuine one says anything for a genuine address.

Input: octets to be read as PLAIN; the same as ids of References; and, in pairs of octets, places in a genuine capsule
and what is put there.
"""

from reply_milter.core.encoding.base32 import ALPHABET
from reply_milter.core.rules.thread import ThreadMatch
from reply_milter.core.token.verify import Checked, check_token
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.wrapping import capsule
from reply_milter.core.wrapping.plain import decode, encode
from reply_milter.core.wrapping.unwrap import unwrap
from tests.fuzz.octets import text
from tests.support.fakes import FORM, KEYRING, NOW
from tests.support.wrapping import gitea, wrapped

GENUINE = wrapped()
CHECKED = check_token(GENUINE.glob, FORM.checksum_length, KEYRING, Handlers.of([gitea()]), NOW)
WORDS = (
    GENUINE.capsule.encode(), f"<{GENUINE.capsule}>".encode(), b"<w1.", b"@reply.test>", b"=?utf-8?q?=3Cw1=2E", b"?=",
    b"w1.", encode(GENUINE.plain), b"\x00\x10", b"\xff\x00\x10", b"\xff\x09\x4d", b"\0", b"\xff", b"\n ", b"(", b")",
    b"a", b"7",
)  # fmt: skip
_LETTERS = f"{ALPHABET}@.<> \n=?018" + ALPHABET.upper()


def one_input(octets: bytes) -> None:
    """Read it, and change the genuine capsule by it."""
    plain = decode(octets)
    assert plain is None or encode(plain) == octets
    _only_the_genuine(text(octets))
    changed = list(GENUINE.capsule)
    for at, what in zip(octets[::2], octets[1::2], strict=False):
        changed[at % len(changed)] = _LETTERS[what % len(_LETTERS)]
    _only_the_genuine(f"<{''.join(changed)}>")


def _only_the_genuine(references: str) -> None:
    assert isinstance(CHECKED, Checked)
    found = unwrap(CHECKED, KEYRING, "", references, None, FORM.accept_domains)
    if found.match is ThreadMatch.MATCH:
        assert found.plain == GENUINE.plain
        assert GENUINE.capsule in capsule.readable(references).lower(), "a capsule that nobody wrote"
    else:
        assert found.plain is None
