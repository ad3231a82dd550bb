"""Keys, passwords, live tokens and addresses stand nowhere: not in logs, metrics, process lists or what commands say.

The daemon is led through what it does and through every way to fail, with its log at debug; then all that it wrote and
shows is searched.
"""

import signal
import smtplib
from collections.abc import Iterator

import pytest

from tests.support.hosts.receiver import Misbehaviour, hangs_up, returns_garbage
from tests.support.hosts.site_under_test import DOMAIN, reply
from tests.support.processes.daemon_process import wait_until
from tests.system.watched_site import (
    APPLICATION_SECRET,
    LOGIN,
    STEPS,
    STORE_PASSWORD,
    URL_PASSWORD,
    WatchedSite,
    texts_in,
)
from tests.wire.milter_client import REPLYCODE

pytestmark = [pytest.mark.system, pytest.mark.redis]


@pytest.fixture(scope="module", params=["text", "json"])
def watched(request: pytest.FixtureRequest) -> Iterator[WatchedSite]:
    """A host after a day full of trouble."""
    running = WatchedSite(request.param)
    try:
        running.start()
        running.failing.write_text("")
        for trouble in (
            _replies,
            _refusals,
            _failing_steps,
            _the_application,
            _the_hook,
            _notifications,
            _settings,
            _store,
        ):
            trouble(running)
        yield running
    finally:
        running.stop()


def _send(watched: WatchedSite, name: str, *more: str, to: str = "", author: str = "", days_ago: int = 0) -> str:
    """Send a reply of an author with that name; return the answer."""
    minted, author = watched.mint(name, days_ago), f"{author or name}@client.example"
    watched.addresses.add(author)
    message = reply(minted, name, *more).replace(b"alice@client.example", author.encode())
    return watched.site.send([f"<{to or minted.address}>"], message, sender=f"<{author}>")


def _replies(watched: WatchedSite) -> None:
    assert _send(watched, "genuine").startswith("250")
    watched.delivery.posted(1)


def _refusals(watched: WatchedSite) -> None:
    """One of each kind, with addresses where a client can put them."""
    address = watched.mint("other").address
    heard = [
        _send(watched, "expired", days_ago=200),
        _send(watched, "forged", to=f"{address[:-24]}aaaaaa@{DOMAIN}"),
        _send(watched, "misspelt", to=f"@relay.example:{address}"),
        _send(watched, "thread", to=address, author="other"),
        _send(watched, "stranger", author="eve"),
        _send(watched, "second", "From: another@client.example"),
        _send(watched, "report", "Content-Type: multipart/report"),
        _send(watched, "automatic", "Auto-Submitted: auto-replied"),
    ]
    watched.addresses.add("another@client.example")
    assert [answer[:3] for answer in heard] == ["550"] * 7 + ["250"], heard


def _failing_steps(watched: WatchedSite) -> None:
    """Each callback on either milter raises, with its arguments in its words."""
    for step in STEPS:
        with watched.fails(step):
            expected = "250" if step == "abort" else "451 4.3.0 This message cannot be checked at the moment"
            assert _send(watched, f"failing.{step}").startswith(expected), step
            with watched.site.client() as client:
                client.docmd("MAIL FROM:<alice@client.example>")
                client.docmd(f"RCPT TO:<{watched.mint(f'aborted.{step}').address}>")
                client.rset()
            watched.submit(f"handler=issue; user=42; locator=failing/{step}; key={APPLICATION_SECRET}")
            wait_until(lambda step=step: f"{step} stumbles over" in watched.site.daemon.log(), 10, step)  # type: ignore[misc]


def _the_application(watched: WatchedSite) -> None:
    """Its answers vary or are missing, and our own step fails. Postfix retries each time."""
    receiver, log = watched.delivery.receiver, watched.site.daemon.log
    answers: tuple[int | Misbehaviour, ...] = (500, 302, returns_garbage, hangs_up, 400)
    for number, answer in enumerate(answers):
        before, receiver.answer = log().count("outcome"), answer
        assert _send(watched, f"application{number}").startswith("250")
        wait_until(lambda before=before: log().count("outcome") > before, 20, "it was tried")  # type: ignore[misc]
        receiver.answer = 204
        watched.delivery.delivered()
    for step in ("open", "deliver"):
        with watched.fails(step):
            before = log().count(f"{step} stumbles over")
            assert _send(watched, f"hook.{step}").startswith("250")
            wait_until(lambda: log().count(f"{step} stumbles over") > before, 20, "it failed")  # noqa: B023
        watched.delivery.delivered()


def _the_hook(watched: WatchedSite) -> None:
    """Mail without a seal, and a client that speaks no LMTP."""
    watched.addresses |= {"eve@client.example", "somebody@client.example"}
    with smtplib.LMTP(local_hostname="x", timeout=20) as client:
        client.connect(f"{watched.site.mta.socket_folder}/lmtp.sock", 0)
        client.ehlo_or_helo_if_needed()
        client.docmd("somebody@client.example says hello")
        assert client.mail("eve@client.example")[0] == 250
        assert client.rcpt(watched.mint("unsealed").address)[0] == 250
        assert client.data(b"From: eve@client.example\r\nX-Reply-Verdict: v=1\r\n\r\nx\r\n")[0] == 250


def _notifications(watched: WatchedSite) -> None:
    key = f"; key={APPLICATION_SECRET}"
    assert watched.submit(f"handler=issue; user=42; locator=notification/1{key}").edits
    assert watched.submit("handler=nobody@client.example; user=x").code == REPLYCODE
    assert watched.submit(f"handler=issue; user=nobody@client.example{key}").code == REPLYCODE
    assert watched.submit(f"handler=forum; user=1; context=1{key}").code == REPLYCODE
    assert watched.submit(f"handler=issue; user=42; locator=notification/2{key}{key}").code == REPLYCODE


def _settings(watched: WatchedSite) -> None:
    """Files with secrets where none belongs are refused by their keys' names; the log has the mistakes."""
    good, log = watched.site.config.read_text(), watched.site.daemon.log
    for old, new in (
        (f"unix://:{STORE_PASSWORD}@", f"https://:{STORE_PASSWORD}@"), ('secret = "whsec_', 'secret = "'),
        (f'url = "http://hook:{URL_PASSWORD}@', f'url = "http ://hook:{URL_PASSWORD}@'), ('secret = "', 'secret = ["'),
    ):  # fmt: skip
        assert old in good
        watched.site.config.write_text(good.replace(old, new))
        before = watched.site.daemon.log().count("not reloaded")
        watched.site.daemon.send(signal.SIGHUP)
        wait_until(lambda before=before: log().count("not reloaded") > before, 10, "it is refused")  # type: ignore[misc]
    watched.site.config.write_text(good)
    watched.site.daemon.reload()


def _store(watched: WatchedSite) -> None:
    """A password other than ours, and no store at all; last, because doctor runs then."""
    watched.redis.command("CONFIG", "SET", "requirepass", "another")
    _cut_connections(watched)
    assert _send(watched, "denied").startswith("451")
    watched.redis.command("CONFIG", "SET", "requirepass", STORE_PASSWORD)
    assert _send(watched, "allowed").startswith("250")


def _cut_connections(watched: WatchedSite) -> None:
    watched.redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def _is_clean(watched: WatchedSite, text: str) -> None:
    assert [name for name, secret in watched.secrets().items() if secret.lower() in text.lower()] == []


def test_the_log_holds_no_secret(watched: WatchedSite) -> None:
    """The log has everything else, with tracebacks."""
    log = watched.site.daemon.log()
    for step in STEPS:
        assert f"{step} stumbles over" in log, step
    told = ("forged", "expired", "thread_mismatch", "malformed", "auto_reply", "store_unavailable", "seal_broken")
    assert [reason for reason in told if reason not in log] == []
    assert LOGIN not in log and "key=(secret)" in log
    assert log.count("Traceback") >= len(STEPS) and "(address)" in log and "store.url" in log
    _is_clean(watched, log)


def test_the_metrics_hold_no_secret(watched: WatchedSite) -> None:
    """Labels are bounded sets."""
    page = watched.metrics()
    assert "reply_milter_recipients_total" in page and 'kind="auth"' in page
    _is_clean(watched, page)


def test_the_process_list_holds_no_secret(watched: WatchedSite) -> None:
    """Command lines and environments of supervisor, workers, hook and metrics."""
    shown = watched.processes()
    assert shown.count("run --config") >= 4
    _is_clean(watched, shown)


def test_doctor_tells_no_secret(watched: WatchedSite) -> None:
    """With a store that answers, and with one that is not there."""
    said = watched.doctor()
    watched.redis.stop()
    try:
        said += watched.doctor()
    finally:
        watched.redis.start()
        watched.redis.command("CONFIG", "SET", "requirepass", STORE_PASSWORD)
    assert "store" in said and said.count('"status"') == 2
    _is_clean(watched, said)


def test_the_store_and_the_record_hold_no_token(watched: WatchedSite) -> None:
    """They know tokens by an id from which none can be rebuilt. Dead letters are messages, and keep what is in them."""
    assert _send(watched, "on.record").startswith("250")
    watched.delivery.delivered()
    held = watched.store()
    assert "rm1:" in held
    _is_clean(watched, held)
    state = watched.site.folder / "state"
    _is_clean(
        watched, texts_in(state / "metrics") + (state / "delivery" / "deliveries.sqlite").read_text(errors="replace")
    )
    open_to_others = [path.name for path in state.iterdir() if path.is_dir() and path.stat().st_mode & 0o077]
    assert open_to_others == []
