"""What readers of applications find in a header: Python's email, Ruby's mail, Go's net/mail, PHP's mailparse."""

import base64
import email
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email import policy
from email.header import decode_header, make_header
from email.message import Message
from email.policy import Policy
from email.utils import getaddresses
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_TO = ("to", "cc", "bcc", "resent-to", "resent-cc", "delivered-to")


@dataclass(frozen=True)
class Seen:
    """``fields``: name, value as it stands, value decoded. ``authors``, ``recipients``: addresses."""

    fields: list[tuple[str, str, str]]
    authors: list[str]
    recipients: list[str]
    ids: list[str]
    body: bytes


Reader = Callable[[Sequence[bytes]], list[Seen]]


def by_python_of_old(messages: Sequence[bytes]) -> list[Seen]:
    """The ``compat32`` policy, and what programs do with it: decode first, then look for addresses."""
    return [_python(message, policy.compat32) for message in messages]


def by_python(messages: Sequence[bytes]) -> list[Seen]:
    """The ``default`` policy, which parses and decodes."""
    return [_python(message, policy.default) for message in messages]


def _python(octets: bytes, how: "Policy") -> Seen:
    try:
        return _found(octets, how)
    except Exception as error:  # noqa: BLE001 # some headers break the parser, and the application with it
        return Seen([("crashed", type(error).__name__, "")], [], [], [], b"")


def _found(octets: bytes, how: "Policy") -> Seen:
    read: Message = email.message_from_bytes(octets, policy=how)
    fields = [(name, str(value), _decoded(str(value))) for name, value in read.items()]
    texts = [
        (name.lower().strip(), text) for name, value, decoded in fields for text in dict.fromkeys((value, decoded))
    ]
    return Seen(
        fields,
        _addresses([text for name, text in texts if name == "from"]),
        _addresses([text for name, text in texts if name in _TO]),
        [text for name, text in texts if name in ("in-reply-to", "references")],
        bytes(read.get_payload(decode=True) or b""),
    )


def _addresses(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(address for _, address in getaddresses(texts)))


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError):
        return value


def by_ruby(messages: Sequence[bytes]) -> list[Seen]:
    """The mail gem: GitLab, Discourse, Chatwoot, Redmine."""
    return _run(["ruby", str(_HERE / "reader.rb")], messages)


def by_go(messages: Sequence[bytes]) -> list[Seen]:
    """Gitea, Forgejo."""
    return _run(["go", "run", str(_HERE / "reader.go")], messages)


def by_php(messages: Sequence[bytes]) -> list[Seen]:
    """FreeScout, and Moodle's kin."""
    return _run(["php", str(_HERE / "reader.php")], messages)


def _run(argv: list[str], messages: Sequence[bytes]) -> list[Seen]:
    given = json.dumps([base64.b64encode(message).decode() for message in messages])
    environment = {**os.environ, "GOPROXY": "off", "GOFLAGS": "", "GO111MODULE": "off", "LANG": "C.UTF-8"}
    done = subprocess.run(argv, input=given.encode(), capture_output=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    found = json.loads(done.stdout)
    assert len(found) == len(messages)
    return [_seen(one) for one in found]


def _seen(one: dict[str, Any]) -> Seen:
    fields = [(name, value, decoded) for name, value, decoded in one["fields"]]
    return Seen(fields, one["authors"], one["recipients"], one["ids"], base64.b64decode(one["body"]))
