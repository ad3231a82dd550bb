"""Notifications as applications send them, written by hand from what each one's own code does; and those captured."""

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from tests.support.hosts.wrapping_site import ADDRESSES, DOMAINS, SENDERS

CAPTURED = Path(__file__).parents[1] / "unit/core/wrapping/notifications"
RECIPIENT = "alice@client.example"

# How the application writes its address: display names with commas, folded, groups, octets and words beyond ASCII.
SPELLINGS = {
    "plain": b"{native}",
    "comma": b'"Shop, Inc." <{native}>',
    "folded": b'"Shop,\r\n\t2nd floor"\r\n <{native}>',
    "group": b"Shop: {native}, Help <help@client.example>;",
    "two": b"<{native}>\r\nReply-To: Help <help@client.example>",
    "utf-8": "Sh\u00f6p of all <{native}>".encode(),
    "latin-1": b"Sh\xf6p <{native}>",
    "encoded": b"=?utf-8?q?Sh=C3=B6p=2C_Inc=2E?= <{native}>",
    "key in name": b'"{key}" <{native}> ({key})',
    "key in encoded name": b"=?utf-8?b?{base64}?= <{native}>",
}
_BODY = b"Bob wrote:\r\n\r\n..dots, \xc3\xbc and a line of it\r\n-- \r\nFooter\r\n"
_LINES = {
    "gitea": b"""From: =?utf-8?q?Anna_M=C3=BCller?= <noreply@{domain}>
To: Alice Example <{to}>
Subject: Re: [shop/web] Printer, 2nd floor: 50% of 100%
 is =?utf-8?b?a2FwdXR0?= (#7)
Date: Sat, 28 Nov 2026 12:00:00 +0000
Message-ID: <shop/web/issues/7/comment/{seq}@{domain}>
In-Reply-To: <shop/web/issues/7@{domain}>
References: <shop/web/issues/7@{domain}> <reply-{key}@{domain}>
Reply-To: {spelled}
List-Post: <mailto:{native}>
List-Unsubscribe: <https://{domain}/shop/web/issues/7>,
\t<mailto:incoming%2B{other}%40{domain}?subject=Unsubscribe>
List-ID: shop/web <web.shop.{domain}>
X-Mailer: Gitea
X-Gitea-Reason: mention
X-Gitea-Recipient-Address: {to}
X-Gitea-Issue-ID: 7
X-GitLab-Issue-IID: 7
""",
    "gitlab": b"""Date: Sat, 28 Nov 2026 12:00:00 +0000
From: "Anna, of Shop" <gitlab@{domain}>
Reply-To: {spelled}
To: {to}
Message-ID: <note_{seq}@{domain}>
In-Reply-To: <issue_31@{domain}>
References: <reply-{key}@{domain}>
 <issue_31@{domain}>
Subject: =?UTF-8?Q?Re:_Shop_/_Web_=7C_Printer_=28=2331=29?=
X-GitLab-Project: web
X-GitLab-Project-Path: shop/web
X-GitLab-Reply-Key: {key}
X-GitLab-NotificationReason: assigned
List-Id: shop/web <5.web.shop.{domain}>
List-Unsubscribe: <https://{domain}/-/sent_notifications/{key}/unsubscribe?force=true>,<mailto:incoming+{key}-unsubscribe@{domain}>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Auto-Submitted: auto-generated
X-Auto-Response-Suppress: All
""",
    "discourse": b"""Date: Sat, 28 Nov 2026 12:00:00 +0000
From: =?UTF-8?B?U2jDtnAgVGFsaw==?= via Talk <talk@{domain}>
Reply-To: {spelled}
To: {to}
Message-ID: <discourse/post/{seq}@{domain}>
In-Reply-To: <discourse/post/1@{domain}>
References: <discourse/post/1@{domain}>
Subject: [Talk] [Hardware] Printer, again
List-Unsubscribe: <https://{domain}/email/unsubscribe/00000000>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
List-ID: "Talk | hardware" <hardware.{domain}>
List-Archive: https://{domain}/t/7
Precedence: list
X-Auto-Response-Suppress: All
Auto-Submitted: auto-generated
X-Discourse-Tags: printer
""",
    "moodle": b"""Date: Sat, 28 Nov 2026 12:00:00 +0000
To: {to}
From: "Anna Example (via Course, 1st)" <noreply@{domain}>
Reply-To: {spelled}
Subject: Course: Re: Printer
Message-ID: <{seq}@{domain}>
In-Reply-To: <root@{domain}>
References: <root@{domain}> <parent@{domain}>
List-Id: "forum" <moodleforum7@{domain}>
List-Help: https://{domain}/mod/forum/view.php?f=7
List-Unsubscribe: <https://{domain}/mod/forum/subscribe.php?id=7>
X-Course-Id: 7
Precedence: Bulk
X-Auto-Response-Suppress: All
Auto-Submitted: auto-generated
Thread-Topic: Printer
Thread-Index: AQAAAAE=
""",
    "zulip": b"""Subject: #hardware > printer
From: Anna, Bob (Zulip) <noreply@{domain}>
To: =?utf-8?q?Alice?= <{to}>
Date: Sat, 28 Nov 2026 12:00:00 +0000
Message-ID: <{seq}.9.17@{domain}>
Reply-To: {spelled}
List-Unsubscribe: <https://{domain}/accounts/unsubscribe/missed_messages/0000>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
X-Auto-Response-Suppress: All
Auto-Submitted: auto-generated
""",
    "chatwoot": b"""Date: Sat, 28 Nov 2026 12:00:00 +0000
From: =?UTF-8?Q?Anna_from_Sh=C3=B6p?= <inbox@{domain}>
Reply-To: {spelled}
To: {to}
Message-ID: <conversations/{key}/messages/{seq}@{domain}>
In-Reply-To: <account/1/conversation/{key}@{domain}>
Subject: [#31] Printer
""",
    "redmine": b"""Date: Sat, 28 Nov 2026 12:00:00 +0000
From: {spelled}
To: {to}
Message-ID: <redmine.journal-{seq}.20261128190900.5@{domain}>
References: <redmine.issue-1.20261128190831.5@{domain}>
Subject: [Demo - Bug #1] Printer does not print =?utf-8?q?=28N=C3=A4he=29?=
X-Redmine-Project: demo
X-Redmine-Issue-Id: 1
X-Auto-Response-Suppress: All
Auto-Submitted: auto-generated
List-Id: <redmine.{domain}>
""",
}
_LINES["forgejo"] = _LINES["gitea"] + b"X-Forgejo-Issue-ID: 7\n"
APPLICATIONS = tuple(_LINES)

# What may differ from what the application sent, or be gone. In lower case.
_CHANGED = {
    "gitea": {"reply-to", "references", "list-post", "list-unsubscribe"},
    "gitlab": {"reply-to", "references", "x-gitlab-reply-key", "list-unsubscribe", "list-unsubscribe-post"},
    "chatwoot": {"reply-to", "in-reply-to", "references"},
    "mailman": {"from", "reply-to", "references"},
}
_CHANGED["forgejo"] = _CHANGED["gitea"]
_USUAL = {"reply-to", "references"}


@dataclass(frozen=True)
class Case:
    """A notification. ``keys``: none of them may leave; ``changed``: fields that may; ``kept``: that have a key.

    ``native``: what a reply must reach; ``thread``: the id and the tag of an application with one address for all.
    """

    name: str
    application: str
    message: bytes
    keys: tuple[str, ...]
    native: str
    recipient: str = RECIPIENT
    thread: tuple[str, str] | None = None

    @property
    def sender(self) -> str:
        """Of the envelope."""
        return SENDERS[self.application]

    @property
    def changed(self) -> set[str]:
        """Names of fields, in lower case."""
        return _CHANGED.get(self.application, _USUAL)

    @property
    def kept(self) -> set[str]:
        """Fields that are the message's identity although they hold the key."""
        return {"message-id"} if self.application == "chatwoot" else set()


def key_of(application: str, name: str) -> str:
    """A key of the application's form, another one for each ``name``; empty where it has none."""
    octets = hashlib.sha512(f"{application} {name}".encode()).digest()
    text, digits = base64.b32encode(octets).decode(), octets.hex()
    forms = {
        "gitea": text[:77],
        "forgejo": text[:100],
        "gitlab": f"1-{text[:25].lower()}-a1",
        "discourse": digits[:32],
        "moodle": base64.b64encode(octets[:36]).decode(),
        "zulip": f"mm{digits[:32]}",
        "chatwoot": str(UUID(digits[:32])),
    }
    return forms.get(application, "")


def handmade(application: str, spelling: str = "plain", name: str = "", recipient: str = RECIPIENT) -> Case:
    """A notification whose reply address is spelled so. ``name``: of its key; its X-Seq is the first of ``keys``."""
    name = name or spelling
    key, other = key_of(application, name), key_of(application, f"another {name}")
    seq = hashlib.sha256(f"{application} {name}".encode()).hexdigest()[:12]
    domain, native = DOMAINS[application], ADDRESSES[application].replace("{key}", key)
    spelled = SPELLINGS[spelling]
    if application == "redmine" and spelling in ("group", "two", "key in name", "key in encoded name"):
        spelled = SPELLINGS["comma"]
    values = {
        b"{native}": native.encode(), b"{key}": key.encode(), b"{other}": other.encode(), b"{seq}": seq.encode(),
        b"{domain}": domain.encode(), b"{to}": recipient.encode(), b"{base64}": base64.b64encode(key.encode()),
    }  # fmt: skip
    lines = (_LINES[application] + f"X-Seq: {seq}\n".encode()).replace(b"\n", b"\r\n").replace(b"{spelled}", spelled)
    lines += b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    for mark, value in values.items():
        lines = lines.replace(mark, value)
    thread = None
    if application == "redmine":
        thread = f"redmine.journal-{seq}.20261128190900.5@{domain}", "[Demo - Bug #1]"
    keys = tuple(one for one in (key, other) if one)
    return Case(f"X-Seq: {seq}", application, lines + b"\r\n" + _BODY, keys, native, recipient, thread)


_REDMINE, _LISTS = "redmine@redmine.example.com", "dev-confirm+{}@lists.example.com"
_TRACKER, _DEMO = "issue_tracker@tracker.example.com", "[Demo - Bug #1]"
_OF_CAPTURED: dict[str, tuple[str, tuple[str, str] | None]] = {
    "mailman-1": (_LISTS.format("761497e980bcd4ed8460ad2879c51c9c21a53182"), None),
    "mailman-2": (_LISTS.format("172fa95cb813cad3fca65fb4294f74d8e8d3ecf7"), None),
    "redmine-1": (_REDMINE, ("redmine.issue-1.20261128190831.6@redmine.example.com", _DEMO)),
    "redmine-2": (_REDMINE, ("redmine.journal-1.20261128190900.5@redmine.example.com", _DEMO)),
    "roundup-1": (_TRACKER, ("new-1@example.com", "[issue1]")),
    "roundup-2": (_TRACKER, ("r1703716265@example.com", "[issue1]")),
}
CAPTURED_NAMES = tuple(_OF_CAPTURED)


def captured(name: str) -> Case:
    """A notification of a running application, octet for octet, but that it goes to ``RECIPIENT``'s host."""
    message = (CAPTURED / f"{name}.eml").read_bytes().replace(b"\r\n", b"\n")
    (recipient,) = json.loads((CAPTURED / f"{name}.env").read_text())["rcpt_to"]
    native, thread = _OF_CAPTURED[name]
    _, plus, key = native.partition("@")[0].partition("+")
    seq = f"X-Seq: {name}"
    message = f"{seq}\n".encode() + message.rstrip(b"\n") + b"\n"
    elsewhere = f"{recipient.partition('@')[0]}@client.example"
    application = name.partition("-")[0]
    keys = (key,) if plus else ()
    return Case(seq, application, message.replace(b"\n", b"\r\n"), keys, native, elsewhere, thread)
