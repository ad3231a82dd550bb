"""``demo``: a private Postfix with everything on loopback; a notification, its answer, each kind of abuse, a table."""

import argparse
import os
import shutil
import signal
import tempfile
import time
from email.message import Message
from pathlib import Path

from reply_milter.cli.demo import wrapped
from reply_milter.cli.demo.letters import ALICE, ELSEWHERE, Letter, confirmation, letters
from reply_milter.cli.demo.printing import Printer, program, reply_lines, shortened
from reply_milter.cli.demo.site import DemoSite, demo_site
from reply_milter.cli.errors import CommandError
from reply_milter.cli.options import add_command
from reply_milter.cli.terminal import terminal_of
from reply_milter.core.delivery.confirmation import SUBJECT

_STARTING = "Starting a private Postfix, reply-milter with its store, and a small application: some seconds."
_NEXT_INDENT = "    "
_NEXT = (
    "On a host of yours, in five minutes: docs/quick-start.md",
    "What an application sends and gets: docs/notifications.md and docs/delivery.md",
    "In front of Gitea, GitLab, Moodle and others, unpatched: docs/wrapping.md",
    "Every command: reply-milter(8)",
)
_REQUEST = "X-Reply-Mint: handler=issue; user=42; locator=shop/orders/issue/2351"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(commands, "demo", _run, "show how it works, with a private Postfix on loopback")
    parser.add_argument("--keep", action="store_true", help="keep everything running afterwards, to try things by hand")


def _run(options: argparse.Namespace) -> int:
    if os.geteuid() != 0:
        raise CommandError(os.EX_NOPERM, "demo starts its own Postfix, which needs root: run it as root")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # so that ``finally`` stops everything
        signal.signal(number, signal.default_int_handler)
    printer = Printer(terminal_of())
    printer.say(_STARTING)
    folder = Path(tempfile.mkdtemp(prefix="reply-milter-demo-"))
    folder.chmod(0o755)  # Postfix's daemons are not root
    try:
        with demo_site(folder) as site:
            printer.say("A private Postfix with reply-milter and its delivery hook is up on loopback.")
            _show_the_way(site, printer)
            _show_letters(site, printer)
            wrapped.show(site, printer)
            _show_next(printer, kept=options.keep)
            if options.keep:
                _keep(site, printer)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return os.EX_OK


def _show_the_way(site: DemoSite, printer: Printer) -> None:
    """Send a notification out, and its answer in; print each step."""
    site.submit(
        f"From: Shop <shop@example.com>\nTo: {ALICE}\nSubject: A comment on order 2351\n{_REQUEST};\n"
        f"\tkey={site.application_secret}\n\nIs it blue?\n"
    )
    notification = site.in_mailbox("A comment on order 2351")
    printer.heading("AN APPLICATION THAT ASKS FOR REPLY ADDRESSES")
    printer.step(1, "It hands in a notification with one field more:")
    printer.field(*f"{_REQUEST}; key=...".split(": ", 1))
    printer.step(2, "Alice gets it, without that field, and with an address of her own to answer to:")
    for name in ("Reply-To", "Message-ID", "References", "Auto-Submitted"):
        printer.field(name, notification[name])
    heard = site.send(_answer(notification))
    printer.step(3, "She answers. Her mail server hears:", shortened(heard))
    printer.step(
        4, "The application's webhook gets it once, signed, as JSON. These are the fields of Reply, and her own text:"
    )
    printer.lines(*reply_lines(site.posted("Yes, it is.")))


def _answer(notification: "Message[str, str]") -> Letter:
    return Letter(
        "",
        to=notification["Reply-To"],
        answers=notification["Message-ID"],
        text="Yes, it is.\r\n\r\nOn Mon, 23 Nov 2026 at 10:00, Shop wrote:\r\n> Is it blue?",
        message_id="<answer@client.example>",
    )


def _show_letters(site: DemoSite, printer: Printer) -> None:
    printer.say()
    printer.heads("WHAT WAS SENT", "WHAT THE CLIENT HEARD", "WHAT ARRIVED")
    for letter in letters(site):
        _show(site, printer, letter)
    question = site.in_mailbox(SUBJECT)
    _show(site, printer, confirmation(question))
    printer.say()
    printer.say(
        f"sender mismatch: the reply came from {ELSEWHERE}, which is not on file for user 42. Alice's yes released it;"
        " the application still gets this word, and may show the reply differently."
    )
    printer.say()
    printer.say("An out-of-office notice is accepted and discarded: a refusal would bounce to Alice.")
    printer.say(
        "The hook posts only messages with our seal. A hook of your own checks it with `reply-milter verify-header`."
    )


def _show(site: DemoSite, printer: Printer, letter: Letter) -> None:
    heard = site.send(letter)
    printer.row(letter.shows, shortened(heard), site.what_arrived(letter, heard))


def _show_next(printer: Printer, kept: bool) -> None:
    """Say where it goes on."""
    printer.heading("WHAT NEXT")
    printer.say()
    if not kept:
        printer.say(f"To try things by hand: {program()} demo --keep", _NEXT_INDENT)
    for line in _NEXT:
        printer.say(line, _NEXT_INDENT)


def _keep(site: DemoSite, printer: Printer) -> None:
    minted = site.mint(42, "shop/orders/issue/2351")
    printer.heading("EVERYTHING IS STILL RUNNING")
    printer.say()
    printer.say("In another terminal, try (swaks is Debian's package of that name):")
    print(f"\n  swaks --server 127.0.0.1:{site.postfix.port} --from {ALICE} \\")
    print(f"    --to {minted.address} \\\n    --h-From '<{ALICE}>' --h-In-Reply-To '<{minted.message_id}>'\n")
    for command in (f"explain --config {site.config} {minted.address}", f"parked list --config {site.config}",
                    f"top --config {site.config} --log {site.log}"):  # fmt: skip
        print(f"  {program()} {command}")
    printer.say()
    printer.say("Replies that the webhook gets are printed here. Press Ctrl-C to stop everything.")
    shown = len(site.receiver.calls)
    try:
        while True:
            for call in site.receiver.calls[shown:]:
                print("\n" + "\n".join(reply_lines(call)), flush=True)
                shown += 1
            time.sleep(0.2)
    except KeyboardInterrupt:
        print()
