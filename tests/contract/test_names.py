"""A name server that hangs costs each handler its time-out, and no thread beyond a few: on the real resolver."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reply_milter.adapters.handlers import deliverer_for
from reply_milter.adapters.os.host_names import HostNames
from reply_milter.config.destinations import webhook_of
from reply_milter.core.delivery.outcome import Done
from reply_milter.core.delivery.sample_reply import sample_reply
from reply_milter.ports.delivery import NameLookupError
from tests.support.fakes import FixedClock
from tests.support.hosts.receiver import SECRET, Receiver
from tests.support.processes.daemon_process import wait_until

_SERVER = "127.0.0.77"  # of loopback
_SCRIPT = """
import json, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from reply_milter.adapters.clients.smtp import SmtpSender
from reply_milter.adapters.handlers import deliverer_for
from reply_milter.adapters.os.host_names import HostNames
from reply_milter.adapters.os.clock import WallClock
from reply_milter.core.verdict.destination import LmtpRelay, Webhook
from reply_milter.core.delivery.sample_reply import sample_reply
from reply_milter.ports.delivery import MailSenderError

names, clock = HostNames(), WallClock()

def asked(name):
    reply = sample_reply("a" * 26, 1)
    if name == "webhook":
        return deliverer_for(Webhook("http://app.example:9/", timeout_seconds=2), clock, names).process(reply).why
    if name == "lmtp":
        relay = LmtpRelay(host="lmtp.example", port=24, timeout_seconds=2)
        return deliverer_for(relay, clock, names).process(reply).why
    try:
        SmtpSender("mx.example", 25, names).send("jane@example.org", b"")
    except MailSenderError as error:
        return str(error)

def timed(name):
    start = time.monotonic()
    return asked(name), time.monotonic() - start

found = {name: timed(name) for name in ("webhook", "lmtp", "mail_sender")}
with ThreadPoolExecutor(32) as threads:
    start = time.monotonic()
    many = list(threads.map(asked, ["webhook"] * 64))
    looking = sum(thread.name.startswith("look-up") for thread in threading.enumerate())
print(json.dumps({"found": found, "many": many, "seconds": time.monotonic() - start, "looking": looking}), flush=True)
"""


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[list[str]]:
    """What to put before a command so that its name server takes questions and never answers."""
    resolv, nsswitch = tmp_path / "resolv.conf", tmp_path / "nsswitch.conf"
    resolv.write_text(f"nameserver {_SERVER}\noptions timeout:30 attempts:5\n")
    nsswitch.write_text("hosts: files dns\n")
    mounts = " && ".join(f"mount --bind {file} /etc/{file.name}" for file in (resolv, nsswitch))
    prefix = ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh"]
    if os.geteuid() or not shutil.which("unshare") or subprocess.run([*prefix, "true"], capture_output=True).returncode:
        pytest.skip("no mount namespace here, in which another name server could be set")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((_SERVER, 53))
        yield prefix


def test_a_name_server_that_hangs_costs_the_time_out_and_no_more(hanging: list[str]) -> None:
    """Webhook, LMTP and our own mail; and dozens at once leave no more than a few threads behind."""
    done = subprocess.run([*hanging, sys.executable, "-c", _SCRIPT], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    heard: dict[str, Any] = json.loads(done.stdout)
    assert heard["found"]["webhook"][0] == (
        "the webhook could not be reached: its name was not resolved within 2 s: the name server hangs"
    )
    assert "not resolved within 2 s" in heard["found"]["lmtp"][0]
    assert heard["found"]["mail_sender"][0].startswith("the MTA did not take the question: NameLookupError")
    assert [seconds < limit for (_, seconds), limit in zip(heard["found"].values(), (8, 8, 20), strict=True)] == [
        True
    ] * 3
    assert all("not resolved" in why for why in heard["many"])
    assert heard["looking"] <= 3 * 4
    assert heard["seconds"] < 30


def test_a_program_whose_look_ups_hang_still_ends(hanging: list[str]) -> None:
    """As in ``reply-milter deliver``: a look-up that still hangs does not keep the process."""
    script = _SCRIPT.replace('("webhook", "lmtp", "mail_sender")', '("webhook",)').replace('["webhook"] * 64', "[]")
    start = time.monotonic()
    subprocess.run([*hanging, sys.executable, "-c", script], capture_output=True, timeout=60, check=True)
    assert time.monotonic() - start < 25


class _Resolver:
    """In the place of the C library's, for what a real one does too rarely: ``go`` lets it answer."""

    def __init__(self) -> None:
        self.go, self.asked = threading.Event(), 0

    def __call__(self, _host: str, _port: None, **_more: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        self.asked += 1
        self.go.wait(30)
        return [(2, 1, 6, "", ("127.0.0.2", 0)), (2, 1, 6, "", ("127.0.0.1", 0)), (2, 1, 6, "", ("127.0.0.1", 0))]


def test_those_who_wait_for_one_name_wait_for_one_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A late answer serves the next caller; after an answer, each call looks the name up again."""
    resolver, names = _Resolver(), HostNames()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    for _ in range(5):
        with pytest.raises(NameLookupError, match="not resolved"):
            names.addresses("app.example", 0.01)
    assert resolver.asked == 1
    resolver.go.set()
    wait_until(lambda: names.addresses("app.example", 5) == ["127.0.0.2", "127.0.0.1"], 10, "an answer")
    assert names.addresses("127.0.0.9", 0) == ["127.0.0.9"] and names.addresses("::1", 0) == ["::1"]


def test_a_webhook_tries_all_addresses_under_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first refuses; Host is what the configuration says."""
    receiver = Receiver()
    try:
        resolver = _Resolver()
        resolver.go.set()
        url = receiver.url.replace("127.0.0.1", "app.example")
        made, problems = webhook_of({"url": url, "secret": SECRET, "timeout_seconds": 20})
        assert not problems
        monkeypatch.setattr(socket, "getaddrinfo", resolver)
        deliverer = deliverer_for(made, FixedClock(int(time.time())), HostNames())
        assert deliverer.process(sample_reply("a" * 26, 1)) == Done()
        (call,) = receiver.calls
        assert call.headers["host"] == url.split("/")[2]
    finally:
        receiver.close()
