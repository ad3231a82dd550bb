"""How mail programs answer a notification: from the octets that arrived, and nothing else."""

import re
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, make_msgid
from functools import partial
from itertools import count

_NUMBERS = count(1)
TEXT = "Yes, do.\r\n..To: incoming+x@git.example.com\r\n\r\nOn Saturday, Shop wrote:\r\n> B\u00f6b wrote:\r\n"


def fields_of(header: bytes) -> list[tuple[str, bytes]]:
    """Names in lower case, and each field whole: name, folding, and its last CRLF."""
    whole = re.findall(rb"[^\r\n][^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", header)
    return [(field.partition(b":")[0].strip().lower().decode(), field) for field in whole]


def value_of(message: bytes, name: str) -> str:
    """The value of a field, unfolded; of several, with commas between; empty for none."""
    found = [field.partition(b":")[2] for known, field in fields_of(_header(message)) if known == name]
    return ", ".join(re.sub(rb"\r\n", b"", value).decode("utf-8", "surrogateescape").strip() for value in found)


def _header(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[0] + b"\r\n"


def reply_addresses(message: bytes) -> list[str]:
    """Where an answer goes: Reply-To's addresses, else From's."""
    value = value_of(message, "reply-to") or value_of(message, "from")
    listed = re.sub(r"(?:^|,)\s*[^,;:\"<>]*:([^;]*);", r"\1", value)
    return [address for _, address in getaddresses([listed]) if "@" in address]


def ours(message: bytes) -> str:
    """The address of ours among them."""
    (found,) = [address for address in reply_addresses(message) if address.startswith("reply+")]
    return found


class Answer:
    """What a program sends. ``identifier`` of the Message-ID, without brackets; ``to``: whom the envelope names."""

    def __init__(self, notification: bytes, author: str, program: str = "plain") -> None:
        self.identifier = f"answer.{next(_NUMBERS)}@client.example"
        self.to, self.author = ours(notification), author
        self.message = PROGRAMS[program](notification, author, self.identifier)


def _plain(notification: bytes, author: str, identifier: str, drops: tuple[str, ...] = ()) -> bytes:
    """As most do: a line for each id."""
    parent = value_of(notification, "message-id")
    ids = [*value_of(notification, "references").split(), parent]
    lines = {
        "From": f'"Alice, of Client" <{author}>',
        "To": ",\r\n ".join(reply_addresses(notification)),
        "Subject": f"Re: {value_of(notification, 'subject')}",
        "Date": "Sat, 28 Nov 2026 13:00:00 +0000",
        "Message-ID": f"<{identifier}>",
        "In-Reply-To": parent,
        "References": "\r\n ".join(ids),
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8; format=flowed",
        "Content-Transfer-Encoding": "8bit",
        "User-Agent": "Mozilla Thunderbird",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value and name.lower() not in drops)
    return f"{head}\r\n{TEXT}".encode("utf-8", "surrogateescape")


def _python(notification: bytes, author: str, identifier: str) -> bytes:
    """The email package's default policy: it writes a long id as encoded words."""
    read, answer = message_from_bytes(notification, policy=policy.default), EmailMessage()
    answer["From"], answer["To"] = f"Alice <{author}>", ", ".join(reply_addresses(notification))
    answer["Subject"] = f"Re: {read['subject']}"
    answer["Date"] = "Sat, 28 Nov 2026 13:00:00 +0000"
    answer["Message-ID"] = f"<{identifier}>"
    answer["In-Reply-To"] = read["message-id"]
    answer["References"] = f"{read['references'] or ''} {read['message-id']}".strip()
    answer.set_content(TEXT.replace("\r\n", "\n"), cte="8bit")
    return answer.as_bytes(policy=policy.SMTP)


def _in_capitals(notification: bytes, author: str, identifier: str) -> bytes:
    """A gateway that keeps no case of ids."""
    written = _plain(notification, author, identifier)
    start, end = written.index(b"References:") + 11, written.index(b"MIME-Version")
    return written[:start] + written[start:end].upper() + written[end:]


Program = Callable[[bytes, str, str], bytes]
PROGRAMS: dict[str, Program] = {
    "plain": _plain,
    "python": _python,
    "capitals": _in_capitals,
    "without References": partial(_plain, drops=("references",)),
    "without In-Reply-To": partial(_plain, drops=("in-reply-to",)),
    "without any id": partial(_plain, drops=("references", "in-reply-to")),
}


def new_id(message: bytes) -> bytes:
    """The same message under another Message-ID, as who replays it would send it."""
    return re.sub(rb"(?im)^Message-ID:[^\r\n]*", f"Message-ID: {make_msgid(domain='client.example')}".encode(), message)
