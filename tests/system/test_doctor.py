"""``doctor`` on a host that works, and on one in which one thing at a time was broken."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reply_milter.cli.demo.private_postfix import Layout
from tests.support.certificate import write_certificate
from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.receiver import SECRET
from tests.support.hosts.site_under_test import Site
from tests.support.processes.daemon_process import runtime, wait_until
from tests.support.processes.ports import free_port

pytestmark = pytest.mark.system

NEVER_TOLD = "hunter2hunter2"
OWN_SMTPD = Layout(
    main_cf=("reply-domain.main.cf", "own-smtpd.main.cf"),
    master_cf=("reply-delivery.master.cf", "own-smtpd.master.cf"),
    own_smtpd_port=free_port(),
)


def _doctor(site: Site, *words: str, postfix: bool = True) -> tuple[int, str]:
    """Exit status and output; it never has anything to say on standard error."""
    folder = ["--postfix", str(site.postfix.folder / "etc")] if postfix else []
    done = subprocess.run(
        [sys.executable, "-m", "reply_milter", "doctor", "--config", str(site.config), *folder, *words],
        capture_output=True, text=True, cwd="/",
    )  # fmt: skip
    assert done.stderr == ""
    return done.returncode, done.stdout


def _found(site: Site, **options: bool) -> dict[str, dict[str, Any]]:
    """Errors and warnings by their check."""
    status, text = _doctor(site, "--json", **options)
    told = json.loads(text)
    assert told["status"] == ("clean", "warnings", "errors")[status]
    return {finding["check"]: finding for finding in told["findings"] if finding["severity"] != "note"}


@contextlib.contextmanager
def _mode(path: Path, mode: int) -> Iterator[None]:
    before = path.stat().st_mode & 0o7777
    path.chmod(mode)
    yield
    path.chmod(before)


@contextlib.contextmanager
def _owner(path: Path, user: int, group: int) -> Iterator[None]:
    before = path.stat()
    os.chown(path, user, group)
    yield
    os.chown(path, before.st_uid, before.st_gid)


@contextlib.contextmanager
def _settings(site: Site, changes: dict[str, str]) -> Iterator[None]:
    site.configure(changes)
    yield
    site.configure({})


@pytest.mark.parametrize("layout", [None, OWN_SMTPD])
def test_a_host_that_works_is_clean(layout: Layout | None) -> None:
    """Exit 0, every area ok but for notes, in words and as JSON."""
    site = Site(layout=layout)
    try:
        site.start()
        status, text = _doctor(site, "--json")
        told = json.loads(text)
        assert (status, told["status"]) == (0, "clean"), told["findings"]
        areas = ["config", "keys", "daemon", "state", "store", "clock", "socket", "metrics", "postfix"]
        assert list(told["areas"]) == areas
        assert set(told["areas"].values()) <= {"ok", "note"}
        status, text = _doctor(site)
        assert (status, text.splitlines()[-1].split(",")[:2]) == (0, ["0 errors", " 0 warnings"])
        assert _doctor(site, postfix=False)[0] == 0
    finally:
        site.stop()


def test_the_form_of_a_finding_stays(site: Site) -> None:
    """The JSON members that a program may rely on; the same in words, with the line to paste by itself."""
    with _mode(site.config.parent / "keys.toml", 0o644):
        finding = _found(site)["keys.mode"]
        status, text = _doctor(site)
    assert list(finding) == ["severity", "check", "what", "why", "place", "section", "line"]
    assert (finding["severity"], finding["place"], finding["section"]) == ("error", "shell", None)
    assert finding["line"] == f"chmod 0600 {site.config.parent}/keys.toml"
    assert status == 2
    assert f"        {finding['line']}\n" in text
    assert "ERROR  " in text


def _found_and_mended(site: Site, check: str) -> None:
    """It is the only finding; its line, pasted into a shell, makes it go."""
    found = _found(site)
    assert set(found) == {check}
    assert found[check]["place"] == "shell"
    subprocess.run(["sh", "-euc", found[check]["line"]], check=True)
    assert _found(site) == {}


def test_keys_and_their_folders(site: Site) -> None:
    """Modes, owners, and who could put others in their place."""
    etc = site.config.parent
    keys = etc / "keys.toml"
    (etc / "seal.key").chmod(0o604)
    _found_and_mended(site, "keys.mode")
    etc.chmod(0o777)
    _found_and_mended(site, "keys.folder")
    os.chown(keys, 0, 0)
    _found_and_mended(site, "keys.unreadable")
    os.chown(keys, 65534, 65534)
    _found_and_mended(site, "keys.owner")
    etc.chmod(0o700)
    os.chown(etc, 0, 0)
    _found_and_mended(site, "keys.unreachable")
    etc.chmod(0o755)
    text = keys.read_text()
    keys.write_text(text.replace('"active"', '"verify"'))
    assert "exactly one [[key]]" in _found(site)["keys.unusable"]["what"]
    keys.write_text(text)
    assert _found(site) == {}


def test_the_files_of_the_metrics_page(site: Site) -> None:
    """Missing, open to others, not for the daemon, about to expire, and expired."""
    etc = site.config.parent
    cert, key = etc / "page.pem", etc / "page.key"
    with _settings(site, {r"\[metrics\]": f'[metrics]\ntls_cert = "{cert}"\ntls_key = "{key}"'}):
        assert str(key) in _found(site)["metrics.unusable"]["what"]
        write_certificate(cert, key)
        _found_and_mended(site, "metrics.unreadable")
        key.chmod(0o644)
        assert "open to others" in _found(site)["metrics.unusable"]["what"]
        for days, check in ((10, "metrics.expires"), (-1, "metrics.expired")):
            write_certificate(cert, key, days=days)
            key.chmod(0o640)
            assert set(_found(site)) == {check}
    assert _found(site) == {}


def test_a_configuration_that_holds_a_secret_is_not_for_everybody() -> None:
    """A webhook's secret is reported by its key, never by its text."""
    running = DeliverySite()
    try:
        site = running.start().site
        assert SECRET not in _doctor(site)[1] + _doctor(site, "--json")[1]
        before = site.config.stat()
        site.config.chmod(0o644)
        assert "webhook secret of the handler issue" in _found(site)["config.secret"]["what"]
        _found_and_mended(site, "config.secret")
        assert site.config.stat().st_uid == before.st_uid
    finally:
        running.stop()


def test_the_listener_of_the_hook() -> None:
    """It must speak LMTP: no problem while it does, and an error without a server."""
    running = DeliverySite()
    try:
        site = running.start().site
        site.config.chmod(0o640)
        assert _found(site) == {}
        text = site.config.read_text()
        site.config.write_text(text.replace("/lmtp.sock", "/nobody.sock"))
        found = _found(site, postfix=False)
        assert set(found) == {"socket.silent"}
        assert "delivery.listen: the daemon does not answer" in found["socket.silent"]["what"]
        site.config.write_text(text.replace("/lmtp.sock", "/verify.sock"))
        assert "delivery.listen: the daemon does not answer" in _found(site, postfix=False)["socket.silent"]["what"], (
            "a milter"
        )
    finally:
        running.stop()


def test_the_state_folder(site: Site) -> None:
    """Others may not write into it; without the right to read it, whether a daemon runs is unknown."""
    (site.folder / "state").chmod(0o777)
    _found_and_mended(site, "state.mode")


def test_everything_in_the_state_folder(site: Site) -> None:
    """At any depth; the line gives it back to the daemon. Marks that make no sense are reported, too."""
    state = site.folder / "state"
    os.chown(state / "redis/redis.conf", 0, 0)
    assert "redis.conf: belongs to root" in _found(site)["state.foreign"]["what"]
    _found_and_mended(site, "state.foreign")
    (state / "notes").write_text("of the operator")
    (state / "notes").chmod(0o666)
    assert _found(site)["state.foreign"]["severity"] == "warning"
    (state / "notes").unlink()
    wait_until((state / "store-marks.json").exists, 10, "the daemon marked its store")
    whole = (state / "store-marks.json").read_bytes()
    (state / "store-marks.json").write_bytes(b"[]")
    assert set(_found(site)) == {"state.damaged"}
    (state / "store-marks.json").write_bytes(whole)


def test_the_daemon_and_its_socket(fresh: Site) -> None:
    """Folders that Postfix can't enter, a socket of another group, hanging workers, and no daemon."""
    folder, path = fresh.mta.socket_folder, fresh.daemon.socket
    assert path is not None
    folder.chmod(0o700)
    assert set(_found(fresh, postfix=False)) == {"socket.unreachable"}
    _found_and_mended(fresh, "socket.unreachable")
    os.chown(folder, -1, 0)
    _found_and_mended(fresh, "socket.unreachable")
    with _owner(path, 0, 0):
        assert set(_found(fresh)) == {"socket.group"}
    with _mode(path, 0o666):
        assert set(_found(fresh)) == {"socket.mode"}
    workers = fresh.daemon.workers()
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    assert set(_found(fresh)) == {"socket.silent"}
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    assert _found(fresh) == {}
    fresh.daemon.stop()
    found = _found(fresh)
    assert set(found) == {"daemon.down"}
    assert found["daemon.down"]["line"] == "systemctl start reply-milter"


def test_a_socket_outside_the_chroot(fresh: Site) -> None:
    """It answers, and a chrooted smtpd can't get there; one that isn't chrooted could."""
    outside = fresh.folder / "run"
    outside.mkdir()
    os.chown(outside, fresh.config.stat().st_uid, fresh.mta.socket_folder.stat().st_gid)
    outside.chmod(0o2750)
    fresh.daemon.stop()
    fresh.configure({f"unix:{fresh.mta.socket_folder}/verify.sock": f"unix:{outside}/verify.sock"})
    fresh.daemon.socket = outside / "verify.sock"
    fresh.daemon.start()
    found = _found(fresh)
    assert {"socket.chroot", "postfix.not_asked"} <= set(found)
    assert set(_found(fresh, postfix=False)) == set()


def test_what_modes_do_not_show_is_found_by_trying(fresh: Site) -> None:
    """As Postfix's user, from inside its chroot: all modes are fine, and an ACL keeps it out."""
    subprocess.run(["setfacl", "-m", "u:postfix:---", fresh.mta.socket_folder], check=True)
    finding = _found(fresh)["socket.unreachable"]
    assert "the user postfix cannot connect: Permission denied" in finding["what"]


def test_the_store(fresh: Site) -> None:
    """An operator's Redis that keeps nothing, is slow, forbids, or is gone. Its password is never printed."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with _settings(fresh, {'url = "embedded"': f'url = "redis://rm:{NEVER_TOLD}@127.0.0.1:{port}"'}):
            status, text = _doctor(fresh)
            assert status == 2
            assert "[store.unreachable]" in text
            assert NEVER_TOLD not in text + _doctor(fresh, "--json")[1]
    (store,) = [pid for pid in _children(fresh.daemon.pid) if _program(pid).startswith("redis")]
    os.kill(store, signal.SIGSTOP)
    assert "store.unreachable" in _found(fresh)
    os.kill(store, signal.SIGCONT)
    wait_until(lambda: _found(fresh) == {}, 10, "clean again")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _program(pid: int) -> str:
    return os.path.basename(os.readlink(f"/proc/{pid}/exe"))


def test_mistakes_in_the_configuration_are_findings(site: Site) -> None:
    """Each of them, and everything else is examined all the same."""
    with _settings(site, {"settle_ms = 200": "settle_ms = -1", "timeout_ms = 2000": "timeout_ms = 0"}):
        status, text = _doctor(site)
    assert status == 2
    assert text.count("[config.mistake]") == 2
    assert "replay.settle_ms: must be between" in text
    assert "postfix: note" in text.splitlines()[0]


def test_weak_settings_are_reported(site: Site) -> None:
    """A mailbox that leaves 80 bits is a warning: exit 1."""
    changes = {'mailbox = "reply"': 'mailbox = "fifteen-letters"'}
    with _settings(site, changes):
        assert "config.warning" in _found(site, postfix=False)
        assert _doctor(site, postfix=False)[0] == 1


def test_no_postfix_there(site: Site, tmp_path: Path) -> None:
    """A finding, and the rest is examined."""
    words = ["--postfix", str(tmp_path), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "reply_milter", "doctor", "--config", str(site.config), *words], capture_output=True
    )
    assert done.returncode == 2
    (finding,) = [found for found in json.loads(done.stdout)["findings"] if found["severity"] == "error"]
    assert finding["check"] == "postfix.unread"
    assert str(tmp_path) in finding["what"]


# The daemon goes on beside doctor: it counts, marks its store, and keeps the last mark in a file.
_OF_THE_DAEMON = {"metrics", "appendonlydir", "store-marks.json"}


def test_it_writes_nothing_and_tells_no_secret(site: Site) -> None:
    """Every file under the configuration, Postfix's and the state folder is as it was; keys are in no output."""

    def everything() -> dict[str, tuple[int, int, int]]:
        folders = (site.config.parent, site.postfix.folder / "etc", site.folder / "state")
        files = (file for folder in folders for file in folder.rglob("*") if not _OF_THE_DAEMON & {*file.parts})
        return {str(file): (file.stat().st_mode, file.stat().st_mtime_ns, file.stat().st_ino) for file in files}

    before = everything()
    output = _doctor(site)[1] + _doctor(site, "--json")[1]
    assert everything() == before
    for name in ("keys.toml", "seal.key"):
        for word in (site.config.parent / name).read_text().split():
            assert len(word) < 60 or word.strip('"') not in output


def test_a_user_who_may_see_little_is_reported_so(site: Site) -> None:
    """As user nobody: neither a traceback nor a claim that all is well."""
    account: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    python, path = runtime()
    (site.folder / "state").chmod(0o700)
    done = subprocess.run(
        [python, "-m", "reply_milter", "doctor", "--config", str(site.config), "--json"],
        capture_output=True, env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin"}, cwd="/", **account,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    assert done.returncode == 2
    checks = {finding["check"] for finding in json.loads(done.stdout)["findings"]}
    assert {"keys.unusable", "daemon.unseen"} <= checks
