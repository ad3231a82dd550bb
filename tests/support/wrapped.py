"""Applications that are wrapped, their handlers, and replies to them as the milter seals them."""

import base64
from dataclasses import replace

from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.seal.verdict_header import seal
from reply_milter.core.verdict.handler import ContextKind, Handler
from reply_milter.core.wrapping.keys import seal_original
from reply_milter.core.wrapping.pattern import glob, parse
from reply_milter.core.wrapping.plain import Plain, ThreadName
from reply_milter.core.wrapping.presets import Preset
from reply_milter.core.wrapping.wrap import Road, Wrap
from reply_text.syntax.message_file import split
from tests.support.fakes import ISSUE, SEAL_KEY
from tests.support.hostile_headers import AUTHOR, KEY, NATIVE, ORIGINAL, WRAPPED
from tests.support.hosts.hooked import ID, TAGS

GITEA = Wrap(
    preset=Preset("gitea", key=KEY),
    address=parse(NATIVE, KEY),
    senders=frozenset({"noreply@git.example.com"}),
    open=(glob("incoming+*-issue@git.example.com"),),
    bounces=(glob("bounce+*@git.example.com"),),
)
REDMINE = Wrap(
    preset=Preset("redmine", tag=r"\[[^\]]* #[0-9]+\]"),
    address=parse("redmine@example.com", ""),
    senders=frozenset({"redmine@example.com"}),
    open=(glob("new-*@example.com"),),
)
GITEA_HANDLER = replace(ISSUE, id=20, name="gitea", context=ContextKind.WRAPPED, wrap=GITEA)
REDMINE_HANDLER = replace(ISSUE, id=21, name="redmine", context=ContextKind.WRAPPED, wrap=REDMINE)
GITEA_PLAIN = Plain(ORIGINAL, AUTHOR)
REDMINE_PLAIN = Plain("redmine@example.com", AUTHOR, ThreadName("redmine.issue-7.1@example.com", "[Demo - Bug #7]"))
MESSAGE = (
    f"From: =?utf-8?q?B=C3=B6b?= Example <{AUTHOR}>\r\n"
    f"To: =?utf-8?q?Project?= <{WRAPPED}>\r\n"
    "Subject: Re: =?utf-8?q?=C3=BC?= [x #9] [status=resolved]\r\n"
    "Date: Sat, 28 Nov 2026 19:00:00 +0000\r\n"
    "Message-ID: <reply.1@example.net>\r\n"
    "In-Reply-To: <org/repo/issues/9@git.example.com>\r\n"
    f"References: <org/repo/issues/9@git.example.com>\r\n <reply-{ORIGINAL[9:17]}@git.example.com>\r\n"
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\nYes. \u00fc\r\n.\r\n"
).encode()


def sealed_for(
    whose: Handler,
    plain: Plain,
    message: bytes = MESSAGE,
    road: Road = Road.WRAPPED,
    key: bytes = SEAL_KEY,
    sealed_with: bytes = SEAL_KEY,
    without: tuple[str, ...] = (),
    **changes: str,
) -> Envelope:
    """A reply to a wrapped address of ``whose`` as the milter seals it; an empty change takes a tag away.

    ``key``: of the verdict; ``sealed_with``: of the original in it. ``without``: tags that are left out.
    """
    digest = BodyDigest()
    digest.feed(split(message)[1])
    octets = seal_original(sealed_with, changes.get("id", ID), whose.name, plain)
    original = base64.urlsafe_b64encode(octets).decode().rstrip("=")
    ours = {"handler": whose.name, "class": str(road), "original": original, "body": digest.text()}
    verdict = seal({**TAGS, **ours, **changes, **dict.fromkeys(without, "")}.items(), key).replace("\n", "\r\n")
    return Envelope("bob@example.net", WRAPPED, f"X-Reply-Verdict: {verdict}\r\n".encode() + message)
