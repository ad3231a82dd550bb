"""The token and verdict formats, as the documents describe them, and the shape of a vector file."""

import hashlib
import hmac
import re
from typing import Any

Case = dict[str, Any]


Group = dict[str, Any]


ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


MASTER, OLDER_MASTER, FOREIGN_MASTER = (bytes(range(start, start + 32)) for start in (0, 32, 64))


REALM, DOMAIN = "example", "reply.example.com"


USER, HANDLER, ISSUED = 42, 1, 525600  # 2026-01-01T00:00Z


MESSAGE_ID = "go-gitea/gitea/issue/2351/1220588887.k3f9@example.com"


SEAL_KEY, OLDER_SEAL_KEY, FOREIGN_SEAL_KEY = (bytes(range(start, start + 32)) for start in (96, 128, 160))


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def tlv(*parts: str | bytes) -> bytes:
    values = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(len(value).to_bytes(4, "big") + value for value in values)


def base32(number: int, length: int) -> str:
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))


def left(digest: bytes, bits: int) -> int:
    return int.from_bytes(digest, "big") >> (8 * len(digest) - bits)


def user_info(realm: str, user: int) -> bytes:
    return tlv("reply-milter/1/user", realm, user.to_bytes(5, "big"))


def user_key(master: bytes, realm: str, user: int) -> bytes:
    return mac(master, user_info(realm, user) + b"\x01")


def thread(key: bytes, message_id: str) -> int:
    return left(mac(key, tlv("thread", message_id)), 55)


def sender(key: bytes, normalised: str) -> int:
    return left(mac(key, tlv("sender", normalised)), 15) or 1


def key_number(handler: int, issued: int, context: int, tag: int, version: int = 1) -> int:
    return (((version << 10 | handler) << 25 | issued) << 55 | context) << 15 | tag


def checksum_input(n: int, user: int, number: int) -> bytes:
    return tlv("token", bytes([n]), user.to_bytes(5, "big"), number.to_bytes(14, "big"))


def checksum(key: bytes, n: int, user: int, number: int) -> str:
    return base32(left(mac(key, checksum_input(n, user, number)), 5 * n), n)


def write_glob(user: int, number: int, cksum: str) -> str:
    return f"{user:010x}{base32(number, 22)}{cksum}"


def prefix(mailbox: str, delimiter: str) -> str:
    return mailbox + delimiter if mailbox else ""


def checksum_length(mailbox: str) -> int:
    return min(26, 64 - len(prefix(mailbox, "+")) - 32)


def reply_id(key: bytes, glob: str, *rest: str | bytes) -> str:
    return base32(left(mac(key, tlv("id", glob)), 65), 13) + base32(
        left(mac(key, tlv(rest[0], glob, *rest[1:])), 65), 13
    )


def squeezed(value: str) -> str:
    return re.sub("[ \t\r\n]", "", value)


def body_digest(body: bytes) -> bytes:
    return hashlib.sha256(body.translate(None, b" \t\r\n")).digest()


def seal(tags: str, key: bytes) -> str:
    """``tags``, without white space, with their seal behind them."""
    covered = f"{tags};seal="
    return covered + base32(left(mac(key, covered.encode()), 130), 26)


def case(comment: str, result: str, flags: str, **members: Any) -> Case:
    return {"comment": comment, "flags": flags.split(), **members, "result": result}


def group(kind: str, tests: list[Case], **members: Any) -> Group:
    return {"type": kind, "source": {"name": "reply-milter", "version": "1"}, **members, "tests": tests}


KEY = user_key(MASTER, REALM, USER)
