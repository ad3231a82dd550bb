"""What a private Sendmail is configured with: Debian's files, those of contrib/sendmail, and little beside."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CONTRIB = Path(__file__).parents[3] / "contrib" / "sendmail"
HOST = "mx.example.com"
SMMTA, SMMSP = 65101, 65102  # user and group ids of Debian's two users, which exist inside alone

_USERS = """\
root:x:0:0:root:/root:/bin/sh
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
smmta:x:{smmta}:{smmta}:Mail Transfer Agent:/var/lib/sendmail:/usr/sbin/nologin
smmsp:x:{smmsp}:{smmsp}:Mail Submission Program:/var/lib/sendmail:/usr/sbin/nologin
"""
_GROUPS = "root:x:0:\nmail:x:8:\nsmmta:x:{smmta}:\nsmmsp:x:{smmsp}:\n"

# These lines of Debian's sendmail.mc go: they slow strangers down, or need files that a package script writes.
_UNWANTED = (
    "greet_pause",
    "conncontrol",
    "ratecontrol",
    "dialup.m4",
    "provider.m4",
    "confBAD_RCPT_THROTTLE",
    "confCONNECTION_RATE_THROTTLE",
    "Name=MSP-v4",
)

_TEST_MC = """\
dnl # Of the tests: no name server is asked, loopback is asked nothing, and people of this host have one Maildir.
RELAY_DOMAIN(`example.com')dnl
FEATURE(`accept_unresolvable_domains')dnl
define(`confTO_IDENT', `0s')dnl
define(`LOCAL_MAILER_PATH', `/usr/local/lib/reply-milter/to-maildir')dnl
define(`LOCAL_MAILER_ARGS', `to-maildir /var/mail/people $u')dnl
define(`LOCAL_MAILER_FLAGS', `Pn8')dnl
MAILER_DEFINITIONS
Mpeople,	P=/usr/local/lib/reply-milter/to-maildir, F=lDFMPhnqu8, S=EnvFromL/HdrFromL, R=EnvToL/HdrToL,
		U=mail:mail, T=DNS/RFC822/X-Unix,
		A=to-maildir /var/mail/people $u
"""
_PEOPLE = "example.com\tpeople:example.com\n"


@dataclass(frozen=True, slots=True)
class SendmailLayout:
    """What a test adds to contrib/sendmail: lines of sendmail.mc, and lines of a table in /etc/mail by its name."""

    more: str = ""
    tables: Mapping[str, str] = field(default_factory=dict)
    change: Mapping[str, str] = field(default_factory=dict)  # in the fragments, for layouts that are not ours
    users: Sequence[str] = ()  # local users beside root


def system_files(layout: SendmailLayout) -> dict[str, str]:
    """Files of /etc by their name: who is there, and no name server."""
    numbers = {"smmta": SMMTA, "smmsp": SMMSP}
    users = [f"{name}:x:65001:65001::/var/mail:/usr/sbin/nologin\n" for name in layout.users]
    # A host name without a domain costs Sendmail a minute at each start.
    hosts = f"127.0.0.1 {HOST} {socket.gethostname()} localhost\n127.0.0.2 client.example\n::1 localhost\n"
    return {
        "passwd": _USERS.format(**numbers) + "".join(users),
        "group": _GROUPS.format(**numbers),
        "hosts": hosts,
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\nservices: files\n",
        "services": "smtp 25/tcp\nsubmission 587/tcp\n",
    }


def fragments(layout: SendmailLayout) -> dict[str, str]:
    """Files of /etc/mail/m4: those of contrib, word for word unless the layout is not ours."""
    found = {}
    for name in ("reply-milter.m4", "reply-milter.mc"):
        text = (CONTRIB / name).read_text()
        for old, new in layout.change.items():
            text = text.replace(old, new)
        found[name] = text
    return found


def tables(layout: SendmailLayout) -> dict[str, str]:
    """Tables of /etc/mail."""
    found = {
        "mailertable": (CONTRIB / "mailertable").read_text() + _PEOPLE,
        "access": "",
        "aliases": "postmaster: root\n",
    }
    for name, lines in layout.tables.items():
        found[name] = found.get(name, "") + lines
    return found


def mta_mc(debian: str, port: int, layout: SendmailLayout) -> str:
    """Debian's sendmail.mc, with the fragment where it says to put it."""
    lines = [line for line in debian.splitlines() if not any(word in line for word in _UNWANTED)]
    text = "\n".join(lines).replace("Port=smtp, Addr=127.0.0.1", f"Port={port}, Addr=127.0.0.1")
    mark = "dnl # Default Mailer setup"
    assert mark in text
    fragment = "include(`/etc/mail/m4/reply-milter.mc')dnl\n"
    return text.replace(mark, f"{fragment}{_TEST_MC}{layout.more}\n{mark}") + "\n"


def submit_mc(debian: str, port: int) -> str:
    """Debian's submit.mc, for a daemon on ``port``."""
    # FEATURE(`msp') knows ports 25 and 587 alone; the mailer's arguments tell any other.
    arguments = f"define(`RELAY_MAILER_ARGS', `TCP $h {port}')dnl\n"
    return debian.replace("FEATURE(`msp'", f"{arguments}FEATURE(`msp'").replace("`25')dnl", "`')dnl")
