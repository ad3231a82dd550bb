"""Gitea's, Forgejo's and Moodle's addresses, written from their sources' descriptions and with none of our code."""

import base64
import hashlib
import hmac
import struct


def _uint(value: int) -> bytes:
    if value < 128:
        return struct.pack("B", value)
    octets = struct.pack(">Q", value).lstrip(b"\0")
    return struct.pack("B", 256 - len(octets)) + octets


def _message(kind: int, value: bytes) -> bytes:
    body = struct.pack("BB", kind, 0) + value
    return _uint(len(body)) + body


def gob_int(value: int) -> bytes:
    """An int64, as a message."""
    return _message(4, _uint((value << 1) if value >= 0 else (~value << 1) | 1))


def gob_uint(value: int) -> bytes:
    """A uint64, as a message."""
    return _message(6, _uint(value))


def gob_octets(value: bytes) -> bytes:
    """A slice of bytes, as a message."""
    return _message(10, _uint(len(value)) + value)


def gitea_token(
    user: int, secret: str, expires: int, number: int = 7, kind: int = 0, purpose: int = 1, forgejo: bool = False
) -> str:
    """A token for a reply to issue (``kind`` 0) or comment (1) ``number``; ``expires`` in Unix seconds."""
    data = b"\1" + gob_uint(kind) + gob_int(number)
    payload = gob_int(expires) + gob_uint(purpose) + gob_octets(data)
    digest = hmac.new(secret.encode(), payload, hashlib.sha256).digest()[: 16 if forgejo else 10]
    raw = (b"\2" if forgejo else b"\1") + gob_int(user) + gob_octets(digest) + gob_octets(payload)
    return base64.b32encode(raw).decode().replace("=", "")


def moodle_key(handler: int, user: int, data: int, data_key: str, user_key: str) -> str:
    """What stands behind Moodle's mailbox."""
    digest = hashlib.md5((data_key + user_key).encode()).digest()[:12]  # noqa: S324 # Moodle's choice
    return base64.b64encode(struct.pack(">QQQ", handler, user, data) + digest).decode()
