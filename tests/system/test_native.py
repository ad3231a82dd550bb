"""Addresses that applications have already sent, on a real mail host: verified, sealed, restored, handed over.

The whole way of an application that is switched: its own addresses are observed, verified, wrapped, then refused.
"""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.hosts.mail_sink import Taken
from tests.support.hosts.wrapping_site import WrappingSite
from tests.support.mail_programs import value_of
from tests.support.native_writers import gitea_token, moodle_key

pytestmark = pytest.mark.system

JANE, SECRET, OTHER = "jane@example.net", "77f3fb1de115523da4d552f6127ed9a2", "3b27f07c862c0918394ca05f179b32dc"
DATA_KEY = "22a63138ce10fd4fad9ce25a77dc7572"
SQL = (
    "SELECT secret, address, disabled, data_secret, expires FROM keys"
    " WHERE user = :user AND handler = :handler AND data = :data"
)
NOT_OURS = "550 5.7.1 Answer the notification that you got; your answer to its own address is enough"
INVALID = "550 5.7.1 This reply address is not valid"


def gitea(user: int = 42, secret: str = SECRET, issue: int = 7, seconds: int = 86400) -> str:
    """A native address of the Gitea."""
    return f"incoming+{gitea_token(user, secret, int(time.time()) + seconds, issue)}@git.example.com"


def moodle(user: int = 42, user_key: str = SECRET) -> str:
    """A native address of the Moodle."""
    return f"incoming+{moodle_key(1, user, 7, DATA_KEY, user_key)}@moodle.example.com"


class Switched:
    """The host, and the users that its two applications have."""

    def __init__(self, folder: Path) -> None:
        self.users, self.database = folder / "gitea.jsonl", folder / "moodle.db"
        self.write(self.line(42, SECRET), self.line(43, OTHER, addresses=[], disabled=True))
        with sqlite3.connect(self.database) as database:
            database.execute("CREATE TABLE keys (user, handler, data, secret, address, disabled, data_secret, expires)")
            database.execute("INSERT INTO keys VALUES (42, 1, 7, ?, ?, 0, ?, NULL)", (SECRET, JANE, DATA_KEY))
        database.close()
        folder.chmod(0o755)
        self.host = WrappingSite(wraps=("gitea", "moodle"))
        self.host.site.configure_text(self._verifying)

    def _verifying(self, text: str) -> str:
        for name, source in (("gitea", f"file:{self.users}"), ("moodle", f"sqlite:{self.database}")):
            query = f'query = "{SQL}"\n' if name == "moodle" else ""
            of_data = "canary_handler = 1\ncanary_data = 7\n" if name == "moodle" else ""
            table = f'[handler.verify]\ntype = "{name}"\nsource = "{source}"\n{query}canary_user = 42\n{of_data}'
            head = f'application = "{name}"\n'
            at = text.index("[handler.delivery]", text.index(head))
            text = text[:at] + table + text[at:]
            text = text.replace(head, f'{head}native = "verify"\n')
        return text.replace("interval_seconds = 60", "interval_seconds = 1")

    def line(self, user: int, secret: str, **more: object) -> str:
        """A line of the file of users."""
        return json.dumps({"id": user, "secret": secret, "addresses": [JANE], "disabled": False, **more})

    def write(self, *lines: str) -> None:
        """Put a new file in the place of the old one."""
        new = self.users.with_suffix(".new")
        new.write_text("\n".join(lines) + "\n", encoding="utf-8")
        new.chmod(0o644)
        new.rename(self.users)

    def doctor(self) -> list[dict[str, str]]:
        """What doctor says about the sources."""
        done = subprocess.run(
            [sys.executable, "-m", "reply_milter", "doctor", "--json", "--config", str(self.host.site.config)],
            capture_output=True, text=True, cwd="/",
        )  # fmt: skip
        told = json.loads(done.stdout)
        assert "native" in told["areas"] and SECRET not in done.stdout
        return [one for one in told["findings"] if one["check"].startswith("native.")]

    def send(self, to: str, name: str, sender: str = JANE) -> str:
        """Answer a notification; what the client heard."""
        message = (
            f"From: Jane <{sender}>\r\nTo: <{to}>\r\nSubject: Re: a question\r\n"
            f"Message-ID: <{name}@client.example>\r\nDate: Sun, 29 Nov 2026 10:00:00 +0000\r\n\r\nYes, {name}.\r\n"
        )
        return self.host.site.send([f"<{to}>"], message.encode(), sender=f"<{sender}>")


@pytest.fixture(scope="module")
def switched() -> Iterator[Switched]:
    """One host for all tests."""
    running = Switched(Path(tempfile.mkdtemp(prefix="native-users-")))
    try:
        running.host.start()
        yield running
    finally:
        running.host.stop()
        shutil.rmtree(running.users.parent)


@pytest.mark.parametrize("address", [gitea, moodle])
def test_a_genuine_native_address_reaches_its_application(switched: Switched, address) -> None:  # type: ignore[no-untyped-def]
    """Under its own name, with the mailbox that was judged as the author."""
    to, name = address(), f"genuine-{address.__name__}"
    assert switched.send(to, name).startswith("250")
    (taken,) = switched.host.applications.with_text(name)
    assert taken.recipients == (to,)
    assert re.findall(r"[\w.]+@[\w.]+", value_of(taken.message, "from")) == [JANE]


def test_a_second_copy_is_handed_over_once(switched: Switched) -> None:
    """Whatever the client does."""
    to = gitea(issue=8)
    assert switched.send(to, "copies").startswith("250")
    switched.host.applications.with_text("copies")
    second = switched.send(to, "copies")
    assert second.startswith(("250", "550 5.7.1 This message was already received"))
    time.sleep(1)
    assert len(switched.host.applications.with_text("copies")) == 1


@pytest.mark.parametrize(
    "address",
    [gitea(secret=OTHER), gitea(user=99), gitea(user=43, secret=OTHER), gitea().lower(), moodle(user=43),
     moodle(user_key=OTHER), moodle().swapcase().replace("MOODLE.EXAMPLE.COM", "moodle.example.com")],
)  # fmt: skip
def test_forged_ones_are_refused_in_the_same_words(switched: Switched, address: str) -> None:
    """And nothing reaches the application."""
    assert switched.send(address, "forged") == INVALID or switched.send(address, "forged").startswith(
        "550 5.7.1 Answer"
    )


def test_an_address_that_ended_is_told_so(switched: Switched) -> None:
    """The user can do something about that."""
    assert "expired" in switched.send(gitea(seconds=-10), "late")


def test_another_author_is_refused(switched: Switched) -> None:
    """The application itself would have posted it in Jane's name."""
    assert switched.send(gitea(issue=9), "mallory", sender="mallory@client.example").startswith("550 5.7.1 Reply from")


def test_no_key_is_in_the_log(switched: Switched) -> None:
    """Neither a user's secret nor an address."""
    log = switched.host.site.daemon.log()
    assert SECRET not in log and OTHER not in log and "AEBQIAAC" not in log.upper()


LAST = "reply_milter_native_canary_last_success_timestamp_seconds"


def test_the_canary_is_verified_as_the_workers_know_its_user(switched: Switched) -> None:
    """Once a second, for both applications; and told of where the source does not know the user, or is gone."""
    site, kept = switched.host.site, switched.users.read_text(encoding="utf-8")
    before, natives = site.metrics(), "reply_milter_native_total"
    assert _until(lambda: site.metrics()[LAST] > before[LAST] + 1), site.daemon.log()[-2000:]
    after = site.metrics()
    assert after["reply_milter_native_canary_interval_seconds"] == 1
    assert all(before[name] == value for name, value in after.items() if name.startswith(natives)), "it is no traffic"
    switched.write(switched.line(43, OTHER))
    failed = 'reply_milter_native_canary_failures_total{reason="source"}'
    assert _until(lambda: site.metrics()[failed] > after[failed])
    assert "the native canary failed: reason=source handler=gitea the canary's user 42 is unknown" in site.daemon.log()
    switched.write(kept.strip())
    last = site.metrics()[LAST]
    assert _until(lambda: site.metrics()[LAST] > last + 1)
    assert "the native canary succeeds again" in site.daemon.log()
    assert SECRET not in site.daemon.log() and DATA_KEY not in site.daemon.log()
    assert site.metrics()['reply_milter_native_canary_failures_total{reason="forged_accepted"}'] == 0


def test_doctor_says_who_can_read_the_sources_and_how_to_mend_it(switched: Switched) -> None:
    """Pasted into a shell, its lines leave nothing to say, and replies go on."""
    kept = switched.users.read_text(encoding="utf-8")
    found = switched.doctor()
    assert [one["check"] for one in found if one["severity"] == "error"] == ["native.mode", "native.mode"]
    for _ in range(3):
        for problem in found:
            if problem["line"]:
                subprocess.run(["sh", "-euc", problem["line"]], check=True)
        found = switched.doctor()
    (note,) = found
    assert note["check"] == "native.users" and "handler gitea" in note["what"] and "2 users" in note["what"]
    assert switched.send(moodle(), "mended").startswith(("250", "550 5.7.1 This message was"))
    assert switched.send(gitea(issue=13), "mended").startswith("250")
    switched.write(kept.strip(), '{"id": 1}', SECRET)
    told = [one["what"].rpartition(": ")[2] for one in switched.doctor() if one["check"] == "native.unusable"]
    assert [text[:9] for text in told] == ["line 3 id", "line 4 is"] and SECRET not in str(told)
    with sqlite3.connect(switched.database) as database:
        database.execute("ALTER TABLE keys RENAME TO others")
    assert "no such table: keys" in str([one["what"] for one in switched.doctor()])
    with sqlite3.connect(switched.database) as database:
        database.execute("ALTER TABLE others RENAME TO keys")
    switched.write(switched.line(42, SECRET, addresses=[]), switched.line(43, OTHER, addresses=[], disabled=True))
    config = switched.host.site.config.read_text()
    assert config.count("SELECT secret, address,") == 1
    switched.host.site.config.write_text(config.replace("SELECT secret, address,", "SELECT secret,"))
    told = [one["what"] for one in switched.doctor() if one["check"] == "native.addresses"]
    assert [text.rpartition(": ")[2] for text in told] == [
        "names no address of 1 user of 2", "the query returns no column address",
    ]  # fmt: skip
    switched.host.site.config.write_text(config)
    switched.write(kept.strip())


def test_a_file_that_is_gone_defers_native_mail_alone(switched: Switched) -> None:
    """Until it is back."""
    kept = switched.users.read_text(encoding="utf-8")
    switched.users.unlink()
    until = time.monotonic() + 20
    while not (heard := switched.send(gitea(issue=10), "gone")).startswith("451") and time.monotonic() < until:
        time.sleep(0.3)
    assert heard.startswith("451")
    assert switched.send(moodle(), "beside").startswith("250")
    switched.write(kept.strip())
    until = time.monotonic() + 20
    while not (heard := switched.send(gitea(issue=10), "back")).startswith("250") and time.monotonic() < until:
        time.sleep(0.3)
    assert heard.startswith("250")


def test_a_local_submission_waits_for_its_source_and_loses_nothing(switched: Switched) -> None:
    """By sendmail(1), to a person and to a native address while the file is gone: both get it once, later.

    No program would send it again for the native address alone, so the MTA keeps the whole submission.
    """
    postfix, kept = switched.host.site.postfix, switched.users.read_text(encoding="utf-8")
    to, person = gitea(issue=11), "bob@client.example"
    maildrop = postfix.folder / "spool/maildrop"
    switched.users.unlink()
    assert _until(lambda: switched.send(gitea(issue=12), "probe").startswith("451"))
    message = f"From: Jane <{JANE}>\nTo: <{to}>, <{person}>\nSubject: Re: local\nMessage-ID: <l1@client.example>\n\nx\n"
    postfix.sendmail(["-f", JANE, to, person], message.encode())
    assert _until(lambda: "milter-reject: END-OF-MESSAGE from localhost" in postfix.log())
    time.sleep(1)
    assert len(list(maildrop.iterdir())) == 1 and _with(switched.host.world.taken, "Re: local") == 0
    switched.write(kept.strip())
    assert _until(lambda: switched.send(gitea(issue=12), "probe").startswith("250"))
    postfix.flush()
    assert _until(lambda: _with(switched.host.world.taken, "Re: local") == 1, 90)
    assert _until(lambda: _with(switched.host.applications.taken, "Re: local") == 1)
    assert list(maildrop.iterdir()) == []


def _with(taken: list[Taken], words: str) -> int:
    return sum(words.encode() in one.message for one in taken)


def _until(come: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether it comes."""
    until = time.monotonic() + seconds
    while not (there := come()) and time.monotonic() < until:
        time.sleep(0.3)
    return there
