"""``make demo-imap``: a private Dovecot, the daemon that fetches from it, and what becomes of four messages."""

import re
import time

from tests.support.hosts.mailbox_site import MailboxSite, mailbox_site, reply

_SOME_LOOKS = 4.0  # seconds: one look a second
_FOREIGN = b"Delivered-To: jane@example.net\r\nReceived: x\r\nFrom: a@b.example\r\nSubject: hello\r\n\r\nHi.\r\n"
_FOLDERS = ("Replies/Processed", "Replies/Rejected")
_TAG = re.compile(r"\b(verdict|reason)=(\S+)")


def main() -> None:
    """Run it, and print a line per message."""
    print(
        "Starting a private Dovecot, reply-milter with its store, and a small application: some seconds.\n", flush=True
    )
    with mailbox_site() as site:
        site.start()
        minted = site.milter.mint()
        _show(site, "a reply", reply(minted, "reply", body="Yes, please."))
        _show(site, "the same again (a replay)", reply(minted, "reply", body="Yes, please."))
        last = minted.address.partition("@")[0][-1]
        forged = minted.address.replace(f"{last}@", f"{'b' if last == 'a' else 'a'}@")
        _show(site, "a forgery", reply(minted, "forgery").replace(minted.address.encode(), forged.encode()))
        _show(site, "a letter to somebody else", _FOREIGN, _SOME_LOOKS)
        print(f"\nThe application got {sum(site.receiver.posts.values())} reply. In the mailbox:")
        for folder in ("", *_FOLDERS):
            print(f"  {folder or 'INBOX':18} {len(site.server.messages(folder))}")


def _show(site: MailboxSite, what: str, message: bytes, seconds: float = 30.0) -> None:
    """Put a message into the mailbox, and say what became of it within ``seconds``."""
    before = _told(site)
    site.server.deliver(message)
    until = time.monotonic() + seconds
    while (told := _told(site)) == before and time.monotonic() < until:
        time.sleep(0.1)
    found = dict(_TAG.findall(told[-1])) if told != before else {}
    words = " ".join(found.values()) or "left where it is, unseen"
    print(f"  {what:28} {words}", flush=True)


def _told(site: MailboxSite) -> list[str]:
    return [line for line in site.daemon.log().splitlines() if "fetched mailbox=" in line]


if __name__ == "__main__":
    main()
