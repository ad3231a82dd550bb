"""Headers of replies that carry somebody else's key or author, made to be read in two ways; and a restorer to fool."""

import base64
import json
import quopri
import random
import re
from dataclasses import dataclass
from pathlib import Path

_SETS = json.loads((Path(__file__).parents[1] / "readers/hostile-headers.json").read_text())
KEY = "[A-Z]{4}KEYS"  # of the application, as an operator writes it
NATIVE = "incoming+{key}@git.example.com"
ORIGINAL = "incoming+GOODKEYS@git.example.com"
WRAPPED = "reply+000000002ababaqbjagcghoayf6dbdtkgsn3mpr7iyshxxd5mg6glfvcgw@reply.example.com"
AUTHOR = "bob@example.net"
EVIL_KEY = "EVILKEYS"
EVIL_AUTHOR = "admin@example.com"
BODY = "Yes.\r\n.To: incoming+EVILKEYS@git.example.com\r\n\r\n\u00fc\r\n\r\n".encode()
_EVIL = f"incoming+{EVIL_KEY}@git.example.com"
_USUAL = {
    "from": f"From: Bob <{AUTHOR}>\r\n",
    "to": f"To: {WRAPPED}\r\n",
    "subject": "Subject: Re: news\r\n",
    "date": "Date: Sat, 28 Nov 2026 19:00:00 +0000\r\n",
    "message-id": "Message-ID: <reply.1@example.net>\r\n",
    "mime-version": "MIME-Version: 1.0\r\n",
    "content-type": "Content-Type: text/plain; charset=utf-8\r\n",
}


@dataclass(frozen=True)
class Hostile:
    """A message of the set ``name``: what somebody sends to ``WRAPPED`` in the name of ``AUTHOR``."""

    name: str
    message: bytes


def known() -> list[Hostile]:
    """Each set of the file, with what else a message has, before it and behind it."""
    sets = {f"to {name}": _with_a_long_key(text) for name, text in _SETS["recipients"].items()}
    sets |= {f"from {name}": text for name, text in _SETS["authors"].items()}
    return [
        Hostile(f"{name}{where}", _message(text.replace("@@RCPT@@", WRAPPED), first))
        for name, text in sets.items()
        for first, where in ((True, ""), (False, " behind"))
    ]


def _with_a_long_key(text: str) -> str:
    """The file's key has seven characters; one of an application has eight at least."""

    def encoded(word: re.Match[str]) -> str:
        return base64.b64encode(_with_a_long_key(base64.b64decode(word[0]).decode()).encode()).decode()

    return re.sub(r"(?<=\?b\?)[A-Za-z0-9+/=]+(?=\?=)", encoded, re.sub(r"(EVIL(?:\r\n )?)KEY", r"\1KEYS", text))


def generated(count: int, seed: int = 15) -> list[Hostile]:
    """``count`` messages of one to four hostile fields, always the same ones for a seed."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        text = "".join(_field(chance) for _ in range(chance.randint(1, 4)))
        made.append(Hostile(f"generated {number}", _message(text, chance.random() < 0.5)))
    return made


def edited_in_place(message: bytes) -> bytes:
    """What one would write first: each address of To and its kin is replaced or made useless, all else stays."""
    header, blank, body = message.partition(b"\r\n\r\n")
    lines = re.sub(rb"\r\n(?=[ \t])", b"\0", header).split(b"\r\n")
    names = rb"(?i)(to|cc|bcc|delivered-to|x-forwarded-to|x-original-to|envelope-to|resent-to|references) *:"
    edited = [_edited(line) if re.match(names, line) else line for line in lines]
    return b"\r\n".join(edited).replace(b"\0", b"\r\n") + blank + body


def _edited(line: bytes) -> bytes:
    ours = line.replace(WRAPPED.encode(), ORIGINAL.encode())
    return re.sub(
        rb"(?i)(?:incoming\+|reply-)(?!GOODKEYS)[A-Z]{4}KEYS@git\.example\.com(?![A-Za-z0-9.-])",
        b"nobody@invalid",
        ours,
    )


def _message(text: str, first: bool) -> bytes:
    given = {line.partition(":")[0].lower() for line in re.split(r"\r\n(?![ \t])", text) if ":" in line}
    usual = "".join(value for name, value in _USUAL.items() if name not in given)
    return (text + usual if first else usual + text).encode("utf-8", "surrogateescape") + b"\r\n" + BODY


_RECIPIENT_FIELDS = (
    "To", "TO", "Cc", "Bcc", "Delivered-To", "Delivered_To", "X-Forwarded-To", "X-Original-To", "Envelope-To",
    "X-Envelope-To", "X-Delivered-To", "X-Gm-Original-To", "Resent-To", "Resent-Cc", "Apparently-To", "Reply-To",
    "References", "In-Reply-To", "Message-ID", "Received", "X-Reply-To", "Sender", "List-Post", "To ", "To\t",
    "Content-Type", "Content-Disposition", "Content-Description", "Content-To", "Date", "Mime-Version", "Comments",
    "Auto-Submitted", "Precedence", "Authentication-Results", "Content-Transfer-Encoding", "Content-Language",
)  # fmt: skip
_AUTHOR_FIELDS = ("From", "Resent-From", "Sender", "Reply-To", "X-From", "From ", "Return-Path", "FROM")


def _field(chance: random.Random) -> str:
    if chance.random() < 0.25:
        return f"{chance.choice(_AUTHOR_FIELDS)}: {_value(chance, EVIL_AUTHOR, AUTHOR)}\r\n"
    if chance.random() < 0.2:
        return f"Subject: a{chance.choice(_BREAKS)}{chance.choice(_RECIPIENT_FIELDS)}: {_EVIL}\r\n"
    return f"{chance.choice(_RECIPIENT_FIELDS)}: {_value(chance, _EVIL, WRAPPED)}\r\n"


_BREAKS = (
    "\r", "\n", "\r\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\0", "\r\n \r\n ",
    "\r\n\t\r\n\t", " =?utf-8?q?=0D=0A?= ", "=?utf-8?b?DQo=?=", "\r\n ",
)  # fmt: skip


def _value(chance: random.Random, evil: str, good: str) -> str:
    """One to three addresses, some of them hidden, joined in one of many ways."""
    parts = [chance.choice((good, evil, _hidden(chance, evil))) for _ in range(chance.randint(1, 3))]
    return chance.choice(_JOINTS).join(parts)


_JOINTS = (
    ", ", ",", "; ", " ", ",\r\n ", ",\r\n \r\n ", " <", "> <", " (", ") ", '" "', '", "', ":", ";", "\u00a0", "\t",
    " \\", "<<", " =?utf-8?q?,?= ", *_BREAKS,
)  # fmt: skip


def _hidden(chance: random.Random, evil: str) -> str:
    local, _, host = evil.partition("@")
    encoded = base64.b64encode(evil.encode()).decode()
    quoted = quopri.encodestring(evil.encode(), header=True).decode().replace("@", "=40")
    return chance.choice(
        (
            f"<{evil}>", f"<{evil}", f"{evil}>", f"<<{evil}>>", f'"{local}"@{host}', f'"{evil}" <{AUTHOR}>',
            f"{evil} <{WRAPPED}>", f"({evil})", f"({evil}", f"{local}(c)@{host}", f"{local} @ {host}",
            f"{local}\r\n @{host}", f"x: {evil};", f"x: {evil}", f"=?utf-8?b?{encoded}?=", f"=?utf-8?q?{quoted}?=",
            f"=?utf-8?q?x_=3C{quoted}=3E?= <{WRAPPED}>", f"<=?utf-8?q?{local.replace('+', '=2B')}?=@{host}>",
            f"mailto:{evil}", f"<mailto:{evil}?x=y>", f"<@relay.example:{evil}>", f"{local}\uff20{host}",
            f"{local}%{host}@{host}", f"<reply-{EVIL_KEY}@git.example.com>", f"<x<reply-{EVIL_KEY}@git.example.com>",
            f"<REPLY-{EVIL_KEY}@GIT.EXAMPLE.COM>", f"from a by b for <{evil}>; Sat, 28 Nov 2026 19:00:00 +0000",
            f'text/plain; name="{evil}"', f"multipart/mixed; boundary=x; name={evil}", f"text/plain; x={evil}; y",
            f"=?utf-7?q?{local}+AEA-{host}?=", f"{evil}.evil.test", f"{host}!{evil}", f'"a\\\\" <{evil}>',
        )
    )  # fmt: skip
