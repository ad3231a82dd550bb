"""Every line of a text has one kind, the kept ones make the stripped text, and joining flowed lines loses no word.

Input: the body of a message; its first octet says whether it is flowed, and whether DelSp counts.
"""

from reply_text import Kind, explain, read
from reply_text.flowed import undone

WORDS = (
    b"\n", b" \n", b"\n\n", b" ", b">", b"> ", b">> ", b"-- \n", b"- ", b"- -- \n", b"a", b"own words\n",
    b"On Mon, 23 Nov 2026 11:00, Shop <s@b.example> wrote:\n", b"<s@b.example", b"From: Shop <s@b.example>\n",
    b"Sent: 23.11.2026 11:00\n", b"Subject: c\n", b"-----Original Message-----\n", b"________________\n",
    b"-----BEGIN PGP SIGNED MESSAGE-----\n", b"Hash: SHA1\n", b"-----BEGIN PGP SIGNATURE-----\n", b"Version: x\n",
    b"abcd\n", b"-----END PGP SIGNATURE-----\n", b"-----BEGIN PGP MESSAGE-----\n", b"Sent from my iPhone\n",
    b"Sent from Mail<https://go.microsoft.com/fwlink/?LinkId=550986> for Windows\n", b"-- above --\n",
    b"<https://aka.ms/AAb9ysg>", b"Outlook", b"\xe2\x80\x8f", b"\xff", b"\0",
)  # fmt: skip


def one_input(octets: bytes) -> None:
    """Explain it as a message, with and without the marker, and join it as text."""
    how = octets[0] if octets else 0
    kind = b"Content-Type: text/plain; charset=utf-8" + b"; format=flowed" * (how & 1) + b"; delsp=yes" * (how >> 1 & 1)
    message = b"From: a@b.example\n" + kind + b"\n\n" + octets[1:]
    for marker in ("", "-- above --"):
        _explained(message, marker)
    for delsp in ("yes", "no"):
        text = octets.decode("utf-8", "replace")
        joined = undone(text, {"format": "flowed", "delsp": delsp})
        assert _words(joined) == _words(text), "a word was lost or made up"
        assert len(joined) <= len(text) + 3 * text.count(">")


def _explained(message: bytes, marker: str) -> None:
    told = explain(message, marker)
    assert told.content == read(message, marker)
    assert "\n".join(line for _, line in told.lines) == told.content.text
    kept = "".join(line for kind, line in told.lines if kind is Kind.KEPT)
    if told.content.stripped:
        assert _letters(kept) == _letters(told.content.stripped), "what is told differs from what is kept"


def _words(text: str) -> str:
    return "".join(text.split()).replace(">", "")


def _letters(text: str) -> str:
    return "".join(text.split()).replace("-", "")  # without dash-escapes
