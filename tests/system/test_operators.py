"""What operators do while mail flows: rotate, revoke, reload, switch off, ask why."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from reply_milter.core.seal.verdict_header import SealProblem
from tests.support.hosts.site_under_test import Site, reply
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system


def _command(site: Site, *words: str, wanted: int = 0) -> str:
    """Run reply-milter with the site's configuration; returns what it printed."""
    done = _run(site, *words)
    assert done.returncode == wanted, (words, done.stderr.decode())
    assert b"Traceback" not in done.stderr
    return done.stdout.decode()


def _run(site: Site, *words: str) -> "subprocess.CompletedProcess[bytes]":
    environment = {**os.environ, "REPLY_MILTER_CONFIG": str(site.config)}
    return subprocess.run([sys.executable, "-m", "reply_milter", *words], capture_output=True, env=environment, cwd="/")


def _answer(site: Site, recipient: str) -> str:
    with site.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        code, text = client.docmd(f"RCPT TO:<{recipient}>")
        return f"{code} {text.decode()}"


def test_keys_rotate_without_an_outage(site: Site) -> None:
    """Add, reload, promote, reload: old and new addresses are good throughout, until the old key is retired."""
    old = site.mint(locator="keys/1")
    _command(site, "keys", "add")
    site.daemon.reload()
    assert _answer(site, old.address).startswith("250")
    _command(site, "keys", "promote", "k2")
    new = site.mint(locator="keys/2")
    assert _answer(site, new.address).startswith("250"), "the running daemon knows the new key already"
    site.daemon.reload()
    assert _answer(site, old.address).startswith("250")

    def used() -> dict[str, bool]:
        rows = json.loads(_command(site, "keys", "list", "--json"))
        return {row["id"]: row["last_used"] is not None for row in rows}

    assert not used()["k2"], "to ask for an address is no use"
    for name, minted in (("old-key", old), ("new-key", new)):
        assert site.send([f"<{minted.address}>"], reply(minted, name)).startswith("250")
    wait_until(lambda: used() == {"k1": True, "k2": True}, 10, "both keys were used")
    rows = {row["id"]: row for row in json.loads(_command(site, "keys", "list", "--json"))}
    assert (rows["k1"]["state"], rows["k2"]["state"]) == ("verify", "active")
    assert abs(rows["k1"]["last_expires"] - (time.time() + 90 * 86400)) < 120
    _command(site, "keys", "retire", "k1", wanted=os.EX_DATAERR)
    _command(site, "keys", "retire", "k1", "--stolen")
    site.daemon.reload()
    assert _answer(site, old.address).startswith("550 5.7.1")
    assert _answer(site, new.address).startswith("250")


def test_keys_that_are_added_at_once_are_all_kept(fresh: Site) -> None:
    """Six commands at the same time: six new keys, under six names; a link to the key file stays a link."""
    keys = fresh.config.parent / "keys.toml"
    real = keys.with_name("real.toml")
    keys.rename(real)
    keys.symlink_to(real)
    adding = [threading.Thread(target=_command, args=(fresh, "keys", "add")) for _ in range(6)]
    for thread in adding:
        thread.start()
    for thread in adding:
        thread.join()
    assert keys.is_symlink()
    assert [key.id for key in fresh.settings.keyring.keys] == [f"k{number}" for number in range(1, 8)]
    fresh.daemon.reload()


def test_revocations_take_effect_at_the_next_rcpt(site: Site) -> None:
    """User, object, token, and everything before a time: 550 in the words of a forged address."""
    forged = _answer(site, "reply+" + "0" * 10 + "b" + "a" * 47 + "@reply.example.com").split(": ")[-1]
    mine, other = site.mint(user=501, days_ago=1, locator="r/1"), site.mint(user=502, days_ago=1, locator="r/2")
    about = site.mint(handler="forum", user=503, days_ago=1, context=77)
    apart = site.mint(handler="forum", user=503, days_ago=1, context=78)
    ancient = site.mint(user=504, days_ago=50, locator="r/3")
    for minted in (mine, other, about, apart, ancient):
        assert _answer(site, minted.address).startswith("250")
    _command(site, "revoke", "user", "501")
    _command(site, "revoke", "object", "forum", "77")
    _command(site, "revoke", "before", str(int(time.time()) - 40 * 86400))
    for minted in (mine, about, ancient):
        assert _answer(site, minted.address).split(": ")[-1] == forged
    assert _answer(site, other.address).startswith("250")
    assert _answer(site, apart.address).startswith("250")
    _command(site, "revoke", "token", other.address)
    assert _answer(site, other.address).split(": ")[-1] == forged


def test_a_disabled_user_is_forged_and_an_enabled_one_is_not(site: Site) -> None:
    """And addresses on file let a user write from elsewhere."""
    minted = site.mint(user=601, recipient="alice@client.example", locator="u/1")
    _command(site, "user", "set", "601", "--disabled")
    assert _answer(site, minted.address).startswith("550 5.7.1")
    _command(site, "user", "set", "601", "--address", "Alice.Home@Home.Example")
    message = reply(minted, "home").replace(b"From: alice@client.example", b"From: <alice.home@home.example>")
    assert site.send([f"<{minted.address}>"], message).startswith("250")
    (found,) = site.arrived("X-Seq", "home", 1)
    assert not isinstance(found.tags, SealProblem)
    assert found.tags["sender"] == "match"
    _command(site, "user", "remove", "601")
    stranger = message.replace(b"home", b"home2")
    assert site.send([f"<{minted.address}>"], stranger).startswith("550 5.7.1 Reply from the address")


def test_commands_work_on_an_embedded_store_while_the_daemon_is_down(fresh: Site) -> None:
    """And leave nothing behind that the daemon, which is not root, could not read or write."""
    minted = fresh.mint(user=701, days_ago=1, locator="down/1")
    assert _answer(fresh, minted.address).startswith("250")
    fresh.daemon.stop()
    began = int(time.time())
    _command(fresh, "revoke", "user", "701")
    shown = json.loads(_command(fresh, "user", "show", "701", "--json"))
    assert shown["revoked_before"] > began
    assert _command(fresh, "commit", "a" * 26, wanted=os.EX_DATAERR) == ""
    fresh.daemon.start()
    assert _answer(fresh, minted.address).startswith("550 5.7.1")


def test_check_says_what_the_daemon_does(site: Site, tmp_path: Path) -> None:
    """The same verdict, reason and words as over SMTP, but for revocation and replay; exit 0 for accept alone."""
    minted = site.mint(recipient="alice@client.example", locator="check/1")
    good = reply(minted, "checked")
    automatic = good.replace(b"Date:", b"Auto-Submitted: auto-replied\r\nDate:")
    stranger = good.replace(b"From: alice", b"From: mallory")
    mbox = good.replace(b"From: alice", b"From : alice")
    for message, verdict, reason, status in (
        (good, "accept", "ok", 0), (automatic, "discard", "auto_reply", 1), (stranger, "reject", "sender_mismatch", 1),
        (mbox, "reject", "malformed", 1),
    ):  # fmt: skip
        file = tmp_path / "m.eml"
        file.write_bytes(message)
        words = ["check", "--rcpt", minted.address, "--from", "alice@client.example", str(file), "--json"]
        told = json.loads(_command(site, *words, wanted=status))
        assert (told["verdict"], told["reason"]) == (verdict, reason)
        heard = site.send([f"<{minted.address}>"], message)
        assert heard.startswith(told["reply"]), (heard, told)
    told = json.loads(_command(site, "check", "--rcpt", "bob@example.com", "--from", "", str(file), "--json"))
    assert (told["verdict"], told["header"]) == ("accept", None)


def test_sixty_reloads_under_load_show_no_451(fresh: Site) -> None:
    """A key added, a policy changed, sixty times, with four clients sending: every message heard 250, and came once."""
    minted = fresh.mint(locator="reload/1")
    ending, answers = threading.Event(), Counter[str]()

    def client(number: int) -> None:
        count = 0
        while not ending.is_set():
            heard = fresh.send([f"<{minted.address}>"], reply(minted, f"load-{number}-{count}"))
            answers[heard[:3]] += 1
            count += heard.startswith("250")

    clients = [threading.Thread(target=client, args=(number,)) for number in range(4)]
    for thread in clients:
        thread.start()
    try:
        for round_ in range(60):
            if round_ % 20 == 0:
                _command(fresh, "keys", "add")
            action = ("accept", "reject")[round_ % 2]
            fresh.configure({"# thread_absent = .*": f'thread_absent = "{action}"'})
            fresh.daemon.send(signal.SIGHUP)
            time.sleep(0.02)
    finally:
        ending.set()
        for thread in clients:
            thread.join()
    print(f"\n60 reloads under load: {dict(answers)}")
    assert set(answers) == {"250"}
    last = [reply_.values("X-Seq")[0] for reply_ in fresh.all_replies()]
    wait_until(lambda: len(fresh.all_replies()) >= answers["250"], 20, "all have arrived")
    counted = Counter(message.values("X-Seq")[0] for message in fresh.all_replies())
    assert (len(counted), max(counted.values())) == (answers["250"], 1), last[-1]
    assert all(isinstance(message.tags, dict) for message in fresh.all_replies())


def test_a_bad_reload_shows_in_the_metric(fresh: Site) -> None:
    """config_last_reload_success is 1, then 0 for a bad file, then 1 again."""

    def metric() -> str:
        url = f"http://127.0.0.1:{fresh.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            lines: list[str] = answer.read().decode().splitlines()
        return next(line for line in lines if line.startswith("reply_milter_config_last_reload_success")).split()[-1]

    assert metric() == "1.0"
    fresh.configure({"validity_days = 90": "validity_days = -1"})
    fresh.daemon.send(signal.SIGHUP)
    wait_until(lambda: metric() == "0.0", 5, "the failure shows")
    fresh.configure({})
    fresh.daemon.reload()
    assert metric() == "1.0"


@pytest.mark.parametrize(
    "url", ["redis://[::1", "redis://h:abc", "REDIS://h", "redis://h?timeout=abc", "redis://h?foo=bar"]
)
def test_a_store_url_of_nonsense_changes_nothing(fresh: Site, url: str) -> None:
    """The supervisor goes on, its workers do, and the next good reload is taken."""
    workers = fresh.daemon.workers()
    fresh.configure({'url = "embedded"': f'url = "{url}"'})
    fresh.daemon.send(signal.SIGHUP)
    wait_until(lambda: "not reloaded" in fresh.daemon.log(), 5, "the mistake is told")
    assert "store.url" in fresh.daemon.log()
    fresh.configure({})
    fresh.daemon.reload()
    assert fresh.daemon.workers() == workers
    minted = fresh.mint(locator="url/1")
    assert fresh.send([f"<{minted.address}>"], reply(minted, "url")).startswith("250")


def test_a_reload_moves_no_store(fresh: Site) -> None:
    """Where the store is takes a restart, and until then the old one is used."""
    fresh.configure({'state_dir = "': 'state_dir = "/nowhere'})
    fresh.daemon.reload()
    assert "state_dir changed: restart the daemon to apply it" in fresh.daemon.log()
    (first, *_) = fresh.daemon.workers()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: len(fresh.daemon.workers()) == 2 and first not in fresh.daemon.workers(), 5, "a new worker")
    fresh.configure({})
    minted = fresh.mint(locator="moved/1")
    assert fresh.send([f"<{minted.address}>"], reply(minted, "moved")).startswith("250")


def test_messages_on_their_way_are_committed_after_a_reload(fresh: Site) -> None:
    """settle_ms changes between RCPT and the final dot: the reply is committed all the same."""
    minted = fresh.mint(locator="settle/1")
    with fresh.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        assert client.docmd(f"RCPT TO:<{minted.address}>")[0] == 250
        fresh.configure({"settle_ms = 200": "settle_ms = 100"})
        fresh.daemon.reload()
        assert client.data(reply(minted, "settled"))[0] == 250
    fresh.settled(minted, 1)


def test_the_kill_switch_refuses_nothing_from_the_next_message_on(fresh: Site) -> None:
    """mode = observe, and a reload."""
    junk = "reply+junk@reply.example.com"
    assert _answer(fresh, junk).startswith("550")
    fresh.configure({'mode = "enforce"': 'mode = "observe"'})
    fresh.daemon.reload()
    assert _answer(fresh, junk).startswith("250")


def test_one_line_a_decision_and_never_an_address(fresh: Site) -> None:
    """Queue id, token id, verdict, reason, stage and milliseconds; text, and JSON after a restart."""
    minted = fresh.mint(locator="log/1")
    heard = fresh.send([f"<{minted.address}>"], reply(minted, "logged"))
    queue_id = heard.split("queued as ")[1]
    (line,) = [line for line in fresh.daemon.log().splitlines() if f"queue={queue_id}" in line]
    assert re.search(
        r"token=[a-z2-7]{13} verdict=accept reason=sender_unknown stage=eom .*replay=first ms=\d+\.\d\d$", line
    )
    fresh.daemon.stop()
    fresh.configure({'format = "text"': 'format = "json"'})
    fresh.daemon.log_path.unlink()
    fresh.daemon.start()
    fresh.send(["<reply+junk@reply.example.com>"], b"")
    decisions = [json.loads(line) for line in fresh.daemon.log().splitlines()]
    (decision,) = [found for found in decisions if found["event"] == "recipient"]
    assert (decision["verdict"], decision["reason"], decision["stage"]) == ("reject", "malformed", "rcpt")
    assert "junk" not in fresh.daemon.log()
    assert minted.address.split("@")[0] not in fresh.daemon.log()


@pytest.mark.parametrize("mta", ["site", "sendmail_site"])
def test_a_refusal_at_rcpt_is_found_in_both_logs(request: pytest.FixtureRequest, mta: str) -> None:
    """By queue id, where the MTA has one at RCPT: Sendmail always, Postfix from the second on. By client where not.

    The id of one message never stays for the next one of the same connection.
    """
    host: Site = request.getfixturevalue(mta)
    revoked = host.mint(user=801, locator="found/1")
    _command(host, "revoke", "token", revoked.address)
    before = len(host.daemon.log())
    with host.client() as client:
        for _ in range(2):
            client.docmd("MAIL FROM:<alice@client.example>")
            for recipient in ("reply+junk@reply.example.com", "bob@example.com", revoked.address):
                client.docmd(f"RCPT TO:<{recipient}>")
            client.data(b"From: alice@client.example\r\nX-Seq: found\r\n\r\nHello\r\n")
    wait_until(lambda: host.daemon.log()[before:].count("stage=rcpt") >= 4, 5, "four refusals are told")
    lines = [line for line in host.daemon.log()[before:].splitlines() if "stage=rcpt" in line]
    ids = [found[1] if (found := re.search(r" queue=(\S+)", line)) else "" for line in lines]
    assert len(set(filter(None, ids))) == 2, ids
    assert [bool(found) for found in ids] == [mta == "sendmail_site", True] * 2
    for line, queue_id in zip(lines, ids, strict=True):
        assert re.search(r" client=127\.0\.0\.\d ", line)
        refusals = [
            told for told in host.mta.log().splitlines() if "reject" in told and (queue_id or "NOQUEUE") in told
        ]
        assert refusals, queue_id
    for line in lines[1::2]:
        assert re.search(r" token=[a-z2-7]{13} verdict=reject reason=revoked because=token .*handler=issue ", line)


def test_a_folder_that_the_daemon_does_not_have_is_reported(fresh: Site) -> None:
    """state_dir was edited, and that takes a restart: the command works on another store than the daemon."""
    minted = fresh.mint(user=803, days_ago=1, locator="edited/1")
    other = fresh.folder / "other"
    other.mkdir()
    shutil.chown(other, fresh.config.stat().st_uid, fresh.config.stat().st_gid)
    fresh.configure({'state_dir = ".*?"': f'state_dir = "{other}"'})
    fresh.daemon.reload()
    done = _run(fresh, "revoke", "user", "803")
    assert done.returncode == os.EX_OK
    assert (
        done.stderr.decode() == f"reply-milter: no daemon runs with {other}: the change takes effect when one starts\n"
    )
    assert b"Effective at once" not in done.stdout
    assert _answer(fresh, minted.address).startswith("250")
