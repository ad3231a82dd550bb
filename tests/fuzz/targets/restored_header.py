"""What an application gets has our fields alone, each once, on plain lines, and not one octet of the body changes.

Input: a message as it lies in a file or comes by LMTP, for an address with a key and for one that is everybody's.
"""

from reply_milter.core.wrapping.plain import Plain
from reply_milter.core.wrapping.restore import Restored, Restoring, restore
from reply_milter.core.wrapping.wrap import Road, Wrap
from reply_text.syntax.message_file import split
from tests.support.hostile_headers import AUTHOR, EVIL_KEY, ORIGINAL, WRAPPED
from tests.support.wrapped import GITEA, GITEA_PLAIN, MESSAGE, REDMINE, REDMINE_PLAIN

WORDS = (
    b"From: ", f"From: {AUTHOR}\r\n".encode(), b"To: ", b"Cc: ", b"References: ", b"Subject: ", b"Content-Type: ",
    b"Message-ID: ", b"Date: ", b"Auto-Submitted: ", b"Precedence: ", b"MIME-Version: ", b"\r\n", b"\n", b"\r",
    b"\r\n ",
    b"\r\n\r\n", b"\n\n", b"\t", b"\0", b":", b";", b",", b'"', b"\\", b"(", b")", b"<", b">", b"@", b"[x #7]", b"[",
    b"]", b"=?utf-8?q?", b"=?utf-8?b?", b"?=", b"=3C", b"multipart/mixed; boundary=", b"\xff", b"\xe2\x80\xa8", b"\x85",
    f"<reply-{EVIL_KEY}@git.example.com>".encode(), f"incoming+{EVIL_KEY}@git.example.com".encode(), ORIGINAL.encode(),
    WRAPPED.encode(), b"<w1.abc@reply.example.com>", MESSAGE,
)  # fmt: skip
_WRITTEN = {
    b"Received", b"Authentication-Results", b"From", b"To", b"Subject", b"In-Reply-To", b"References", b"Date",
    b"Message-ID", b"Auto-Submitted", b"Precedence", b"MIME-Version", b"Content-Type", b"Content-Disposition",
    b"Content-Transfer-Encoding", b"Content-Language",
}  # fmt: skip


def one_input(octets: bytes) -> None:
    """Restore it as it is, and behind a good author."""
    for plain, wrap in ((GITEA_PLAIN, GITEA), (REDMINE_PLAIN, REDMINE)):
        for message in (octets, f"From: {AUTHOR}\r\n".encode() + octets):
            _holds(message, plain, wrap)


def _holds(message: bytes, plain: Plain, wrap: Wrap) -> None:
    how = Restoring(plain, wrap, Road.WRAPPED, "a" * 26, "none", "mx.example.com", "reply.example.com", 1795892400)
    found = restore(message, how)
    if not isinstance(found, Restored):
        return
    body = split(message)[1]
    assert found.message.endswith(body)
    header = found.message[: len(found.message) - len(body)]
    lines = header.replace(b"\r\n", b"\n").split(b"\n")
    assert lines[-2:] == [b"", b""] and all(line.strip() and len(line) <= 998 for line in lines[:-2])
    assert all(32 <= octet < 127 for line in lines for octet in line)
    names = [line.partition(b":")[0] for line in lines[:-2] if line[:1] != b" "]
    assert len(set(names)) == len(names) and set(names) <= _WRITTEN
    fields = b"\n".join(lines[:-2]).replace(b"\n ", b" ").split(b"\n")
    read = [one for one in fields if not one.startswith((b"Subject:", b"Content-"))]
    assert not any(EVIL_KEY.encode() in one.upper() for one in read)
    assert restore(found.message, how) == found, "once more changes nothing"
