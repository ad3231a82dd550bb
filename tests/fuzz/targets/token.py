"""A token has one spelling, but for the case of letters, and no change of a genuine one verifies.

Input: a text to be read as a GLOB; and, in pairs of octets, places in a genuine one and what is put there.
"""

from reply_milter.core.encoding.base32 import ALPHABET
from reply_milter.core.token.keyring import derive
from reply_milter.core.token.token import CHECKSUM_CEILING, CHECKSUM_FLOOR, parse
from reply_milter.core.token.verify import Checked, check_token
from reply_milter.core.verdict.handler import Handlers
from tests.fuzz.octets import text
from tests.support.fakes import FORM, ISSUE, KEYRING, NOW, minted

WORDS = (
    b"00000000ff", b"bcdefghijklmnopqrstuvw", b"xyz234567abcdefghijklmnopq", b"a", b"A", b"0", b"1", b"7", b"8", b"g",
    "\u212a".encode(), "\u0131".encode(), b"\xff", b"\n", b"=", b"\0",
)  # fmt: skip
HANDLERS = Handlers.of([ISSUE])
GENUINE = FORM.token_text(minted().address.rpartition("@")[0])
_LETTERS = f"{ALPHABET}0189gG\u212a\n=" + ALPHABET.upper()


def one_input(octets: bytes) -> None:
    """Read it, and change a genuine token by it."""
    written = text(octets)
    for length in range(CHECKSUM_FLOOR, CHECKSUM_CEILING + 1):
        _reads_as_written(written, length)
    _only_ours(written)
    changed = list(GENUINE)
    for at, what in zip(octets[::2], octets[1::2], strict=False):
        changed[at % len(changed)] = _LETTERS[what % len(_LETTERS)]
    _only_ours("".join(changed))


def _reads_as_written(written: str, length: int) -> None:
    token_text = parse(written, length)
    if token_text is None:
        return
    assert written.isascii() and token_text.text == written.lower()
    assert token_text.token.unsigned() + token_text.checksum == token_text.text
    assert parse(written.upper(), length) == token_text


def _only_ours(written: str) -> None:
    """Good is what our key signs, and of what can be made of the genuine one, only that itself."""
    found = check_token(written, FORM.checksum_length, KEYRING, HANDLERS, NOW)
    if isinstance(found, Checked):
        user_key = derive(KEYRING.realm, KEYRING.keys[0], found.token.user)
        assert found.token_text.checksum == user_key.checksum(found.token, FORM.checksum_length)
        assert written.lower() == GENUINE, "a token that nobody minted"
    else:
        assert not written.isascii() or written.lower() != GENUINE, "a genuine token is refused"
