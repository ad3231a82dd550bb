"""The pages of the real daemon: whether all is well, TLS and a login, and what is left out where there is no store."""

import http.client
import os
import re
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.monitoring.published_metrics import missing
from tests.support.certificate import basic, write_certificate
from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.site_under_test import Site
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def host() -> Iterator[DeliverySite]:
    """A host on which everything can be ready: two kinds of sockets, and a store."""
    running = DeliverySite()
    try:
        yield running.start()
    finally:
        running.stop()


def ask(site: Site, path: str) -> tuple[int, str]:
    """Status and text."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{site.metrics_port}/{path}", timeout=15) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def children(site: Site) -> dict[str, int]:
    """Process ids of the daemon's children, by the words of its log, and the store's by the kernel's."""
    found = {}
    for pid in Path(f"/proc/{site.daemon.pid}/task/{site.daemon.pid}/children").read_text().split():
        if Path(f"/proc/{pid}/comm").read_text().strip() == "redis-server":
            found["redis-server"] = int(pid)
        for line in site.daemon.log().splitlines():
            if line.endswith(f", process {pid}") and ": started " in line:
                found[line.split(": started ")[1].split(",")[0].removeprefix("worker ")] = int(pid)
    return found


def test_all_is_well(host: DeliverySite) -> None:
    """Healthy and ready."""
    assert ask(host.site, "healthz") == ask(host.site, "readyz") == (200, "ok\n")


def test_every_published_metric_is_there_whatever_is_configured(guarded: Site) -> None:
    """Also on a host that only verifies, before any mail: what it doesn't do is 0."""
    access = re.compile(r"(?m)^(tls_|user|password_).*\n")
    guarded.configure_text(lambda text: access.sub("", text))
    guarded.daemon.start()
    wait_until(lambda: missing(ask(guarded, "metrics")[1]) == [], 10, "all are shown")


def test_a_process_that_is_missing_is_named(host: DeliverySite) -> None:
    """While the supervisor can't bring it back; afterwards all is well again."""
    site = host.site
    os.kill(site.daemon.pid, signal.SIGSTOP)
    try:
        os.kill(children(site)["verify0"], signal.SIGKILL)
        wait_until(lambda: ask(site, "healthz") == (503, "verify0: not running\n"), 5, "it is missed")
        wait_until(lambda: ask(site, "readyz") == (503, "verify0: not running\n"), 5, "the other one answers")
    finally:
        os.kill(site.daemon.pid, signal.SIGCONT)
    wait_until(lambda: ask(site, "healthz") == (200, "ok\n"), 5, "it is back")
    assert site.metrics()['reply_milter_process_restarts_total{process="verify0"}'] == 1


def test_a_store_that_stands_still_makes_the_host_unready(host: DeliverySite) -> None:
    """And not unhealthy."""
    pid = children(host.site)["redis-server"]
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: ask(host.site, "readyz") == (503, "store: no answer (timeout)\n"), 10, "it is missed")
        assert ask(host.site, "healthz") == (200, "ok\n")
        assert re.findall(r"^reply_milter_redis_up\{.+\} (.+)$", ask(host.site, "metrics")[1], re.MULTILINE) == ["0.0"]
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: ask(host.site, "readyz") == (200, "ok\n"), 10, "it is back")


def test_doors_that_nobody_opens_make_the_host_unready(host: DeliverySite) -> None:
    """Both sockets are gone from where clients look for them."""
    folder = host.site.mta.socket_folder
    for name in ("verify.sock", "lmtp.sock"):
        (folder / name).rename(folder / f"{name}.away")
    wait_until(
        lambda: ask(host.site, "readyz")[1] == "verify: no answer at its socket\ndelivery: no answer at its socket\n",
        5, "they are missed",
    )  # fmt: skip
    for name in ("verify.sock", "lmtp.sock"):
        (folder / f"{name}.away").rename(folder / name)
    wait_until(lambda: ask(host.site, "readyz") == (200, "ok\n"), 5, "they are back")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Site]:
    """A page with a certificate and a login, not started yet."""
    site = Site()
    etc = site.config.parent
    write_certificate(etc / "m.pem", etc / "m.key")
    (etc / "m.password").write_text("hunter2\n")
    for name in ("m.key", "m.password"):
        (etc / name).chmod(0o600)
    for name in ("m.pem", "m.key", "m.password"):
        if os.geteuid() == 0:
            os.chown(etc / name, (etc / "keys.toml").stat().st_uid, -1)
    access = f'tls_cert = "{etc}/m.pem"\ntls_key = "{etc}/m.key"\nuser = "p"\npassword_file = "{etc}/m.password"\n'
    site.configure_text(lambda text: text.replace("[metrics]\n", f"[metrics]\n{access}"))
    try:
        yield site
    finally:
        site.stop()


def test_a_page_with_a_certificate_and_a_login(guarded: Site) -> None:
    """No client reads it in the clear or without the password; a renewed certificate is used without a restart."""
    guarded.start()
    etc = guarded.config.parent

    def read(login: str = "") -> str:
        context = ssl.create_default_context(cafile=str(etc / "m.pem"))
        url = f"https://127.0.0.1:{guarded.metrics_port}/metrics"
        request = urllib.request.Request(url, headers={"Authorization": basic(login)} if login else {})
        with urllib.request.urlopen(request, timeout=5, context=context) as page:  # noqa: S310
            text: str = page.read().decode()
        return text

    assert "reply_milter_build_info" in read("p:hunter2")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        read()
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(guarded, "metrics")  # without TLS
    write_certificate(etc / "m.pem", etc / "m.key")
    assert "reply_milter_build_info" in read("p:hunter2")


def test_files_that_are_no_use_are_reported_at_once(guarded: Site) -> None:
    """A line each, with file, key and reason; nothing of what they hold."""
    etc = guarded.config.parent
    (etc / "m.key").chmod(0o644)
    (etc / "m.password").write_text("")
    argv = [sys.executable, "-m", "reply_milter", "run", "--config", str(guarded.config)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd="/")
    assert done.returncode == os.EX_CONFIG
    assert f"metrics.tls_key: {etc}/m.key: has mode 0644" in done.stderr
    assert f"metrics.password_file: {etc}/m.password: the first line must hold the password" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_host_that_only_sends_has_no_store_to_miss() -> None:
    """It is ready without one, shows none, and sends no canary."""
    site = Site()
    sign = f'[sign]\nsocket = "unix:{site.mta.socket_folder}/sign.sock"\n\n[store]'
    verify = f'socket = "unix:{site.mta.socket_folder}/verify.sock"'
    site.configure_text(lambda text: text.replace("[store]", sign).replace(verify, 'socket = ""'))
    site.daemon.socket = site.mta.socket_folder / "sign.sock"
    try:
        site.daemon.start()
        wait_until(lambda: ask(site, "readyz") == (200, "ok\n"), 10, "it is ready")
        page = site.metrics()
        assert page['reply_milter_process_up{process="sign0"}'] == 1
        assert not [name for name in page if "redis_" in name or "store_up" in name or "canary_failures" in name]
        assert page["reply_milter_canary_interval_seconds"] == 0
    finally:
        site.daemon.stop()
