"""The part with an application that knows nothing of this program: a notification, its answer, and its own address."""

import re
from collections.abc import Iterator
from email.message import Message
from typing import Protocol

from reply_milter.cli.demo.letters import ALICE, Letter
from reply_milter.cli.demo.printing import Printer, shortened

_KEY = "AEBQIAACBUFAACQK3QJ2NFPKUZXJEQQ4BIABSBYEAD6N4CUMOQBQMAABBQFAACIBAMDAAAIDAQAAI"  # as Gitea makes them
SENDER = "noreply@git.example.com"
MAILBOX = "incoming@git.example.com"
NATIVE = f"incoming+{_KEY}@git.example.com"
ISSUE = "shop/web/issues/7@git.example.com"
SUBJECT = "[shop/web] The basket is empty (#7)"
_TEXT = "Not for me."
_LONG = re.compile(r"([A-Za-z0-9.]{20})[A-Za-z0-9]{50,}")  # a key, or a capsule: more than a reader wants to see

SETTINGS = f"""
[[handler]]
id = 20
name = "gitea"
context = "wrapped"
[handler.wrap]
application = "gitea"
address = "incoming+{{key}}@git.example.com"
from = ["{SENDER}"]
[handler.delivery]
type = "maildir"
path = "MAILBOX"
"""


class WrappedSite(Protocol):
    """What this part needs of the demonstration."""

    def hand_in(self, sender: str, message: str) -> None:
        """Hand in a notification over SMTP, as an application does."""
        ...

    def send(self, letter: Letter) -> str:
        """Send a message as a mail server does; return the last answer."""
        ...

    def in_mailbox(self, text: str) -> "Message[str, str]":
        """Return a message with this text from the people's mailboxes."""
        ...

    def at_application(self, text: str) -> "Message[str, str]":
        """Return a message with this text from the application's mailbox."""
        ...


def notification() -> str:
    """Return what Gitea hands in when somebody comments on an issue, without the fields that do not matter here."""
    return (
        f"From: Bob <{SENDER}>\nTo: {ALICE}\nSubject: {SUBJECT}\nMessage-ID: <{ISSUE}>\nReply-To: {NATIVE}\n"
        f"References: <reply-{_KEY}@git.example.com>\nList-Post: <mailto:{NATIVE}>\n\nIs it for you?\n"
    )


def show(site: WrappedSite, printer: Printer) -> None:
    """Send the notification, its answer, and two messages of somebody who knows the application's own address."""
    printer.heading("AN APPLICATION THAT KNOWS NOTHING OF US (Gitea, played by this demonstration)")
    site.hand_in(SENDER, notification())
    found = site.in_mailbox(SUBJECT)
    printer.step(
        5, "It hands in a notification with a reply address of its own, and that address's key in other fields:"
    )
    own = {"Reply-To": NATIVE, "References": f"<reply-{_KEY}@git.example.com>", "List-Post": f"<mailto:{NATIVE}>"}
    _print_fields(printer, *own.items())
    printer.step(
        6, "Alice gets it with an address of ours, and without the key. What ours stands for goes along, encrypted:"
    )
    _print_fields(printer, ("Reply-To", found["Reply-To"]), ("References", found["References"]))
    heard = site.send(_answer(found))
    printer.step(7, "She answers. Her mail server hears:", shortened(heard))
    printer.lines("The application gets her text under its own address. The header is written anew; this is all of it:")
    _print_fields(printer, *site.at_application(_TEXT).items())
    printer.step(8, "Eve has seen a notification from before all this. Her mail server hears, when she writes")
    for letter in _stolen():
        printer.row(letter.shows, shortened(site.send(letter)), "")


def _print_fields(printer: Printer, *fields: tuple[str, str]) -> None:
    for name, value in fields:
        printer.field(name, _LONG.sub(r"\1...", " ".join(value.split())))


def _answer(found: "Message[str, str]") -> Letter:
    named = "".join(f"\r\n {one}" for one in [*found["References"].split(), found["Message-ID"]])
    return Letter("", _address(found), found["Message-ID"], _TEXT, "<12@client.example>", f"References:{named}\r\n")


def _address(found: "Message[str, str]") -> str:
    return found["Reply-To"].strip().strip("<>")


def _stolen() -> Iterator[Letter]:
    stolen = f"References: <reply-{_KEY}@git.example.com>\r\n"
    yield Letter("to the application's address", NATIVE, f"<{ISSUE}>", "Hi", "<13@client.example>")
    yield Letter("its mailbox, key in References", MAILBOX, "", "Hi", "<14@client.example>", stolen)
