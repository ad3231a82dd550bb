"""A message is a reply only if its one verdict is one that we wrote, for this body; and no octet of it is lost.

Input: a message as it lies in a file or comes by LMTP; and, in pairs, places in a sealed one and octets to put there.
"""

from reply_milter.core.mail.fingerprint import BodyDigest, squeeze
from reply_milter.core.mail.headers import VERDICT
from reply_milter.core.seal.sealed_reply import SealedReply, open_reply
from reply_text.syntax.message_file import as_sent, split
from tests.support.fakes import SEAL_KEY
from tests.support.hosts.hooked import sealed

GENUINE = sealed().message
WORDS = (
    b"X-Reply-Verdict: ", b"X-Reply-Verdict : ", b"x-reply-verdict:", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b" ",
    b"\t", b"\0", b":", b"From ", b"From : Jane", b">From ", b"seal=", b";", b"v=1; result=pass", b"\xff", b"\x0b",
    b"\x0c", GENUINE, GENUINE[:120],
)  # fmt: skip


def one_input(octets: bytes) -> None:
    """Open it; then change a genuine one, and open that."""
    _opens_only_ours(octets)
    changed = bytearray(GENUINE)
    for at, what in zip(octets[::2], octets[1::2], strict=False):
        changed[at * 5 % len(changed)] = what
    _opens_only_ours(bytes(changed))


def _opens_only_ours(message: bytes) -> None:
    fields, body = split(message)
    assert message.endswith(body)
    assert all(name and ":" not in name and name.isascii() for name, _ in fields)
    sent = as_sent(body)
    assert as_sent(sent) == sent and _digest(sent) == _digest(body)
    opened = open_reply(message, (bytes(32), SEAL_KEY))
    if not isinstance(opened, SealedReply):
        return
    (verdict,) = (value for name, value in fields if name.lower() == VERDICT.lower())
    assert squeeze(verdict) in _ours(), "a verdict that we did not write"
    assert _digest(body) == _digest(split(GENUINE)[1])


def _ours() -> set[bytes]:
    (verdict,) = (value for name, value in split(GENUINE)[0] if name == VERDICT)
    return {squeeze(verdict), squeeze(verdict) + b";"}


def _digest(body: bytes) -> str:
    digest = BodyDigest()
    digest.feed(body)
    return digest.text()
