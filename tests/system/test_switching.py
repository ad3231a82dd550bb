"""An application is switched on as its page says: observe, verify, wrap, refuse; and back.

At each step the replies to addresses that are out, native and wrapped, good and forged, are sent by SMTP. What is good
today is never refused before the last step. A stub of the application issues addresses and takes what it is handed.
"""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.cli import main
from tests.support.hosts.mail_sink import Taken
from tests.support.hosts.wrapping_site import DOMAINS, IDS, WrappingSite
from tests.support.mail_programs import Answer, reply_addresses, value_of
from tests.support.native_writers import gitea_token, moodle_key
from tests.support.notifications import Case, handmade
from tests.support.processes.daemon_process import USER, wait_until
from tests.support.stores.sql_servers import Sqlite
from tests.support.switching import STEPS, steps

pytestmark = pytest.mark.system

_EXPORT = Path(__file__).parents[2] / "contrib/native/write-users"
JANE, HOME, SECRET, OTHER = "alice@client.example", "alice@home.example", "77f3fb1d" * 4, "3b27f07c" * 4
DATA_KEY = "22a63138" * 4
INVALID, ANSWER_IT = "550 5.7.1 This reply address is not valid", "550 5.7.1 Answer the notification"


class Stub:
    """What an application does: it makes addresses of its users' secrets, and posts what comes to one of them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.issued: dict[str, int] = {}
        self.database = Sqlite().start()
        self._threads = 100
        if name == "moodle":
            self._fill_moodle()
        else:
            self._fill_gitea()

    def _fill_gitea(self) -> None:
        user = {"id": 42, "email": JANE, "type": 0, "rands": SECRET, "is_active": True, "prohibit_login": False}
        self.database.fill("user", user, {**user, "id": 43, "email": "bob@client.example", "rands": OTHER})
        self.database.fill("email_address", {"id": 1, "uid": 42, "email": HOME, "is_activated": True})

    def _fill_moodle(self) -> None:
        user = {"id": 42, "email": JANE, "deleted": 0, "confirmed": 1, "suspended": 0}
        key = {"id": 1, "userid": 42, "script": "messageinbound_handler", "value": SECRET}
        self.database.fill("mdl_user", user, {**user, "id": 43, "email": "bob@client.example"})
        self.database.fill("mdl_user_private_key", key, {**key, "id": 2, "userid": 43, "value": OTHER})
        override = {"id": 1, "userid": 42, "name": "message_processor_email_email", "value": HOME}
        self.database.fill("mdl_user_preferences", override)
        self.database.fill("mdl_messageinbound_handlers", {"id": 1, "enabled": 1})
        data = [{"id": n, "handler": 1, "datavalue": n, "datakey": DATA_KEY, "expires": None} for n in range(100, 160)]
        self.database.fill("mdl_messageinbound_datakeys", *data)

    def key(self, secret: str = SECRET, user: int = 42) -> str:
        """A key for a new thread; genuine with the user's own secret."""
        self._threads += 1
        if self.name == "moodle":
            return moodle_key(1, user, self._threads, DATA_KEY, secret)
        ends = int(time.time()) + 86400 * 365
        return gitea_token(user, secret, ends, self._threads, forgejo=self.name == "forgejo")

    def address(self, key: str) -> str:
        """The address with that key."""
        return f"incoming+{key}@{DOMAINS[self.name]}"


class Walk:
    """A host with one application, at one of its steps."""

    def __init__(self, name: str) -> None:
        self.name, self.stub = name, Stub(name)
        self.host = WrappingSite(wraps=(name,))
        self.users = self.host.site.folder / "users.jsonl"
        self.export()
        self._numbers = 0
        self._config = self.host.site.config.read_text(encoding="utf-8")
        self._wrapped: list[tuple[Case, Taken]] = []

    def export(self) -> None:
        """Write the users of its database, as the timer does."""
        subprocess.run(
            [_EXPORT, self.name, "sqlite", self.users, *self.stub.database.options],
            check=True, env={"PATH": "/usr/bin:/bin", "OWNER": USER}, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def configure(self, name: str) -> None:
        """Take all steps of the page up to this one, as its lines say."""
        start = self._config.index(f"[[handler]]\nid = {IDS[self.name]}\n")
        end = self._config.index("[handler.delivery]", start)
        handler = self._config[start:end]
        for step in steps(self.name)[: STEPS.index(name) + 1]:
            handler = step.apply(handler, str(self.users))
        self.host.site.config.write_text(self._config[:start] + handler + self._config[end:], encoding="utf-8")

    def step(self, name: str) -> None:
        """Take it, and reload. From Verify on the hook delivers."""
        self.configure(name)
        self.host.site.daemon.reload()
        assert "not reloaded" not in self.host.site.daemon.log()

    def route(self, through_hook: bool) -> None:
        """Where Postfix delivers the application's mailbox: to the hook, or to the application as it did before us."""
        folder = self.host.site.postfix.folder / "etc"
        value = subprocess.run(
            ["postconf", "-c", folder, "-h", "transport_maps"], check=True, capture_output=True, text=True
        ).stdout.strip()
        ours = f"{DOMAINS[self.name]} = reply-delivery:$reply_nexthop"
        own = f"{DOMAINS[self.name]} = smtp:[127.0.0.1]:{self.host.applications.port}"
        wanted = value.replace(own, ours) if through_hook else value.replace(ours, own)
        assert wanted != value
        subprocess.run(["postconf", "-c", folder, "-e", f"transport_maps = {wanted}"], check=True)
        subprocess.run(["postfix", "-c", folder, "reload"], check=True, capture_output=True)

    def reply(self, address: str, sender: str = JANE) -> tuple[str, str]:
        """Answer a native address; what the client heard, and a word of the message."""
        self._numbers += 1
        word = f"walk-{self.name}-{self._numbers}-end"
        message = (
            f"From: Alice <{sender}>\r\nTo: <{address}>\r\nSubject: Re: a question\r\n"
            f"Message-ID: <{word}@client.example>\r\nDate: Sun, 29 Nov 2026 10:00:00 +0000\r\n\r\nYes, {word}.\r\n"
        )
        return self.host.site.send([f"<{address}>"], message.encode(), sender=f"<{sender}>"), word

    def is_posted(self, sent: tuple[str, str], address: str) -> None:
        """The client heard yes, and the application got it once, at that address."""
        heard, word = sent
        assert heard.startswith("250"), heard
        (taken,) = self.host.applications.with_text(word, said=self.host.site.daemon.log()[-1500:])
        assert taken.recipients == (address,) and value_of(taken.message, "to").strip("<>") == address

    def notify(self) -> tuple[str, Taken]:
        """Have the application send a notification; its native address, and how it left."""
        case, key = handmade(self.name, name=f"walk {len(self._wrapped)} {self._numbers}"), self.stub.key()
        self._numbers += 1
        message = case.message.replace(case.keys[0].encode(), key.encode())
        code, text = self.host.submit(message, [JANE], sender=case.sender)
        assert code == 250, text
        (left,) = self.host.world.with_text(case.name, said=self.host.site.daemon.log()[-1500:])
        return self.stub.address(key), left

    def answered(self, left: Taken, address: str, sender: str = JANE) -> None:
        """Answer a wrapped notification; it reaches the application at its own address."""
        made = Answer(left.message, sender)
        words = f"And {made.identifier}.\r\n".encode()  # the same words at the same second are one reply
        heard = self.host.site.send([f"<{made.to}>"], made.message + words, sender=f"<{sender}>")
        self.is_posted((heard, made.identifier), address)

    def forged_answer(self, left: Taken) -> str:
        """Answer an address of ours with another letter in it; what the client heard."""
        made = Answer(left.message, JANE)
        local, _, domain = made.to.partition("@")
        other = "x" if local[-1] != "x" else "y"
        return self.host.site.send([f"<{local[:-1]}{other}@{domain}>"], made.message, sender=f"<{JANE}>")

    def count(self, name: str, **labels: str) -> float:
        """A counter of this application."""
        wanted = [f'{key}="{value}"' for key, value in {"handler": self.name, **labels}.items()]
        found = self.host.site.metrics().items()
        mine = [(series, value) for series, value in found if series.startswith(f"reply_milter_{name}{{")]
        return sum(value for series, value in mine if all(label in series for label in wanted))

    def stop(self) -> None:
        """End everything."""
        self.host.stop()
        self.stub.database.stop()


@pytest.fixture(params=["gitea", "forgejo", "moodle"])
def walk(request: pytest.FixtureRequest) -> Iterator[Walk]:
    """A host for each application, which observes."""
    going = Walk(request.param)
    try:
        going.configure("Observe")
        going.host.start()
        yield going
    finally:
        going.stop()


def good_ones_are_posted(walk: Walk) -> None:
    """From each address that the application knows of its user."""
    for sender in (JANE, HOME):
        address = walk.stub.address(walk.stub.key())
        walk.is_posted(walk.reply(address, sender), address)


def forged(walk: Walk) -> list[str]:
    """With another user's secret, of nobody, and altered."""
    key = walk.stub.key()
    altered = key[:40] + ("A" if key[40] != "A" else "B") + key[41:]
    return [walk.stub.address(one) for one in (walk.stub.key(OTHER), walk.stub.key(user=99), altered)]


def observed(walk: Walk) -> None:
    """Nothing changes for anybody; and the operator sees who would be refused."""
    before = walk.count("native_total", outcome="would_refuse")
    good_ones_are_posted(walk)
    assert walk.count("native_total", outcome="would_refuse") == before
    for address in forged(walk):
        walk.is_posted(walk.reply(address), address)
    assert walk.count("native_total", outcome="would_refuse") == before + 3
    address = walk.stub.address(walk.stub.key())
    walk.is_posted(walk.reply(address, "alice@elsewhere.example"), address)
    assert walk.count("native_total", outcome="would_refuse") == before + 4
    address, left = walk.notify()
    assert address in reply_addresses(left.message)
    assert walk.count("wrapped_total", outcome="would_wrap") > 0


def verified(walk: Walk) -> None:
    """What is good is posted, what is forged is refused in one voice, and so is another author."""
    good_ones_are_posted(walk)
    assert {walk.reply(address)[0] for address in forged(walk)} == {INVALID}
    heard, _ = walk.reply(walk.stub.address(walk.stub.key()), "mallory@client.example")
    assert heard.startswith("550 5.7.1 Reply from")


def put_on_file(walk: Walk) -> None:
    """Who answers from an address that the application does not know is let in by the command that the page names."""
    address, other = walk.stub.address(walk.stub.key()), "alice@private.example"
    assert walk.reply(address, other)[0].startswith("550 5.7.1 Reply from")
    command = ["user", "set", "--of", JANE, "--address", other, "--config", str(walk.host.site.config)]
    assert main(command) == 0
    walk.is_posted(walk.reply(address, other), address)


def wraps(walk: Walk) -> tuple[str, Taken]:
    """A notification leaves with an address of ours, whose answers are posted, and whose forgeries are refused."""
    address, left = walk.notify()
    key = address.partition("@")[0].partition("+")[2]
    assert key.lower() not in left.header.decode("utf-8", "replace").lower()
    walk.answered(left, address)
    assert walk.forged_answer(left).startswith("550")
    return address, left


def test_the_whole_way_and_back(walk: Walk) -> None:
    """Step by step, as the page says."""
    walk.route(through_hook=False)
    observed(walk)
    walk.route(through_hook=True)
    observed(walk)  # before the next step it is routed already

    walk.step("Verify")
    verified(walk)
    put_on_file(walk)
    before_wrapping, left = walk.notify()
    assert before_wrapping in reply_addresses(left.message)
    walk.is_posted(walk.reply(before_wrapping), before_wrapping)

    walk.step("Wrap")
    wrapped, left = wraps(walk)
    verified(walk)
    assert walk.count("wrapped_total", outcome="wrapped") == 1
    walk.is_posted(walk.reply(before_wrapping), before_wrapping)

    walk.step("Refuse")
    assert walk.reply(walk.stub.address(walk.stub.key()))[0].startswith(ANSWER_IT)
    assert {walk.reply(address)[0][: len(ANSWER_IT)] for address in forged(walk)} == {ANSWER_IT}
    wraps(walk)
    walk.answered(left, wrapped)
    assert walk.count("native_total", outcome="refused") == 4

    back(walk, wrapped, left)


def back(walk: Walk, wrapped: str, left: Taken) -> None:
    """Step by step; what has left wrapped can be answered all the same."""
    for name, holds in (("Wrap", verified), ("Verify", verified), ("Observe", observed)):
        walk.step(name)
        holds(walk)
        walk.answered(left, wrapped)
    wait_until(lambda: not walk.host.site.mta.queue(), 20, "the queue is empty")
    assert walk.count("dead_letters_total") == 0
