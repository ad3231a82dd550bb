"""``demo``: a private Postfix with everything on loopback; a notification, its answer, each kind of abuse, a table."""

import argparse
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

from reply_milter.cli.demo import wrapped
from reply_milter.cli.demo.letters import ALICE, ELSEWHERE, Letter, confirmation, letters
from reply_milter.cli.demo.printing import program, reply_lines, shortened
from reply_milter.cli.demo.site import DemoSite, demo_site
from reply_milter.cli.errors import CommandError
from reply_milter.cli.options import add_command
from reply_milter.core.delivery.confirmation import SUBJECT

_ROW = "{:<31} {:<58}  {}"
_HEARD_COLUMNS = 58
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
    folder = Path(tempfile.mkdtemp(prefix="reply-milter-demo-"))
    folder.chmod(0o755)  # Postfix's daemons are not root
    try:
        with demo_site(folder) as site:
            print("A private Postfix with reply-milter and its delivery hook is up on loopback.\n")
            _show_the_way(site)
            _show_letters(site)
            wrapped.show(site)
            if options.keep:
                _keep(site)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return os.EX_OK


def _show_the_way(site: DemoSite) -> None:
    """Send a notification out, and its answer in; print each step."""
    site.submit(
        f"From: Shop <shop@example.com>\nTo: {ALICE}\nSubject: A comment on order 2351\n{_REQUEST};\n"
        f"\tkey={site.application_secret}\n\nIs it blue?\n"
    )
    notification = site.in_mailbox("A comment on order 2351")
    print(f"1. An application hands in a notification with one field more:\n\n   {_REQUEST}; key=...\n")
    print("2. Alice gets it, without that field, and with an address of her own to answer to:\n")
    for name in ("Reply-To", "Message-ID", "References", "Auto-Submitted"):
        print(f"   {name}: {notification[name]}")
    answer = Letter(
        "",
        to=notification["Reply-To"],
        answers=notification["Message-ID"],
        text="Yes, it is.\r\n\r\nOn Mon, 23 Nov 2026 at 10:00, Shop wrote:\r\n> Is it blue?",
        message_id="<answer@client.example>",
    )
    heard = site.send(answer)
    print(f"\n3. She answers. Her mail server hears: {shortened(heard)}\n")
    reply = site.posted("Yes, it is.")
    print(
        "4. The application's webhook gets it once, signed, as JSON. These are the fields of Reply, and her own text:\n"
    )
    for line in reply_lines(reply):
        print(f"   {line}")
    print()


def _show_letters(site: DemoSite) -> None:
    print(_ROW.format("WHAT WAS SENT", "WHAT THE CLIENT HEARD", "WHAT ARRIVED"))
    for letter in letters(site):
        _show(site, letter)
    question = site.in_mailbox(SUBJECT)
    _show(site, confirmation(question))
    print(f"\nsender mismatch: the reply came from {ELSEWHERE}, which is not on file for user 42. Alice's yes")
    print("released it; the application still gets this word, and may show the reply differently.")
    print("\nAn out-of-office notice is accepted and discarded: a refusal would bounce to Alice.")
    print("The hook posts only messages with our seal. A hook of your own checks it with `reply-milter verify-header`.")


def _show(site: DemoSite, letter: Letter) -> None:
    heard = site.send(letter)
    print(_ROW.format(letter.shows, shortened(heard, _HEARD_COLUMNS), site.what_arrived(letter, heard)), flush=True)


def _keep(site: DemoSite) -> None:
    minted = site.mint(42, "shop/orders/issue/2351")
    print("\nEverything is still running. In another terminal, try (swaks is Debian's package of that name):\n")
    print(f"  swaks --server 127.0.0.1:{site.postfix.port} --from {ALICE} \\")
    print(f"    --to {minted.address} \\\n    --h-From '<{ALICE}>' --h-In-Reply-To '<{minted.message_id}>'")
    print(f"\n  {program()} explain --config {site.config} {minted.address}")
    print(f"  {program()} parked list --config {site.config}")
    print("\nReplies that the webhook gets are printed here. Press Ctrl-C to stop everything.", flush=True)
    shown = len(site.receiver.calls)
    try:
        while True:
            for call in site.receiver.calls[shown:]:
                print("\n" + "\n".join(reply_lines(call)), flush=True)
                shown += 1
            time.sleep(0.2)
    except KeyboardInterrupt:
        print()
