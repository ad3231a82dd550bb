"""The benchmark's load generator says to a milter what Postfix says, packet by packet, in pieces of the same size."""

import contextlib
import os
import re
import shutil
import smtplib
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from grp import getgrnam
from pathlib import Path

import pytest

from benchmarks import fields, mails
from benchmarks.filters import bench
from benchmarks.generator import Generator
from reply_milter.adapters.libmilter import VERIFY
from reply_milter.cli.demo.private_postfix import Layout, PrivatePostfix
from tests.support.hosts.recording_milter import RecordingMilter
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port
from tests.wire.milter_client import ACCEPT, REJECT

SESSION = 3  # messages of one connection
PIECE = 4096
_SOON = 20.0
_MAIN_CF = "\nvirtual_transport = discard:\nsmtpd_milters = {milter}\n"
_ALL_STEPS = 0x37F  # SMFIP_NO*: everything that can be declined
# As with accept_early: DATA and the end of the header are heard, and neither this nor the body is answered.
_HEARS_DATA = VERIFY.needs.steps & ~(0x200 | 0x40 | 0x400) | 0x40000 | 0x80000
_ALL_SILENT = 0x80 | 0xFF000  # SMFIP_NR_*
_OPENING = r"\0\0\0\rO\0\0\0\6\0\0\1\377"  # an MTA's SMFIC_OPTNEG, as strace prints it
_LINE = "This is a line of a reply, of some seventy octets, as people write.\r\n"
LETTER = mails.Letter(1, "user1@example.com")


@dataclass(frozen=True, slots=True)
class Milter:
    """Where the milter that records listens, as itself, Postfix and the load generator name it."""

    own: str | tuple[str, int]
    postfix: str
    load: str


@dataclass(frozen=True, slots=True)
class Host:
    """A Postfix with one milter, and the load generator."""

    postfix: PrivatePostfix
    milter: Milter
    generator: Generator
    folder: Path


@contextmanager
def _host(tcp: bool) -> Iterator[Host]:
    folder = Path(tempfile.mkdtemp(prefix="reply-milter-load-"))
    folder.chmod(0o755)
    port = free_port()
    path = folder / "postfix/spool/reply-milter/record.sock"
    milter = (
        Milter(("127.0.0.1", port), f"inet:127.0.0.1:{port}", f"inet:{port}")
        if tcp
        else Milter(str(path), "unix:reply-milter/record.sock", str(path))
    )
    more = _MAIN_CF.format(milter=milter.postfix)
    postfix = PrivatePostfix(folder / "postfix", free_port(), Layout(main_cf=(), master_cf=(), more=more))
    postfix.prepare(os.getuid(), getgrnam("postfix").gr_gid)
    postfix.start()
    try:
        yield Host(postfix, milter, Generator(folder), folder)
    finally:
        postfix.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def unix() -> Iterator[Host]:
    """Over a unix socket."""
    with _host(tcp=False) as host:
        yield host


@pytest.fixture(scope="module")
def inet() -> Iterator[Host]:
    """Over TCP."""
    with _host(tcp=True) as host:
        yield host


def _postfix_sends(host: Host, body: str) -> None:
    header = fields.fields(LETTER.number, LETTER.to, LETTER.answers, "4B00000001")
    text = "".join(f"{name}: {value}\n" for name, value in header).replace("\n", "\r\n") + "\r\n" + body
    with smtplib.SMTP("127.0.0.1", host.postfix.port, local_hostname="client.example") as client:
        for _ in range(SESSION):
            with contextlib.suppress(smtplib.SMTPRecipientsRefused):
                client.sendmail(fields.ALICE, [LETTER.to], text)


def _load_sends(host: Host, body: str) -> None:
    path = host.folder / "mail"
    path.write_bytes(mails.packets(LETTER, body=body.encode()) * SESSION)
    host.generator.drive(host.milter.load, path, 1, SESSION, SESSION)


def _recorded(host: Host, steps: int, answers: Mapping[bytes, bytes], body: str = _LINE) -> tuple[list[str], list[str]]:
    """What Postfix said of three messages on one connection, and what the load generator said of them."""
    if isinstance(host.milter.own, str):
        Path(host.milter.own).unlink(missing_ok=True)
    with RecordingMilter(host.milter.own, steps, answers) as milter:
        said = []
        for send in (_postfix_sends, _load_sends):
            milter.connections.clear()
            send(host, body)
            wait_until(lambda: bool(milter.connections), _SOON, "a connection")
            (recorded,) = milter.connections
            assert recorded.ended.wait(_SOON)
            said.append(recorded.shapes())
    return said[0], said[1]


@pytest.mark.parametrize(
    "steps, answers",
    [
        (VERIFY.needs.steps, {}),
        (VERIFY.needs.steps, {b"R": REJECT}),
        (_HEARS_DATA, {}),
        (_HEARS_DATA, {b"T": ACCEPT}),
        (0, {}),
        (_ALL_SILENT, {}),
        *[(1 << bit, {}) for bit in range(10) if _ALL_STEPS & 1 << bit],
        (_ALL_STEPS, {}),
    ],
)
def test_packets_are_those_of_postfix(unix: Host, steps: int, answers: Mapping[bytes, bytes]) -> None:
    """Macros of steps that are declined among them, and ABORT and QUIT."""
    postfix, load = _recorded(unix, steps, answers)
    assert load == postfix


@pytest.mark.parametrize("kind", ["unix", "inet"])
def test_writes_are_those_of_postfix(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Pieces of 4 KiB over a unix socket, one over TCP; and DATA by itself, for cleanup takes over then."""
    host: Host = request.getfixturevalue(kind)
    body = _LINE * 150
    if isinstance(host.milter.own, str):
        Path(host.milter.own).unlink(missing_ok=True)
    with RecordingMilter(host.milter.own, VERIFY.needs.steps):
        assert host.postfix._master is not None
        with _traced(host.postfix._master.pid, tmp_path / "postfix"):
            _postfix_sends(host, body)
        with _traced(os.getpid(), tmp_path / "load"):
            _load_sends(host, body)
    postfix, load = _writes(tmp_path / "postfix"), _writes(tmp_path / "load")
    assert [size == PIECE for size in load] == [size == PIECE for size in postfix]
    assert load.count(PIECE) == (2 * SESSION if kind == "unix" else 0), load


@contextmanager
def _traced(process: int, log: Path) -> Iterator[None]:
    """Write what ``process`` and its descendants write meanwhile, a file each: one would cut the other's lines."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    pids = [part for pid in (str(process), *children) for part in ("-p", pid)]
    command = ["strace", "-ff", "-ttt", "-yy", "-s", "32", "-e", "trace=write,sendto", "-o", str(log), *pids]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        for _ in range(len(pids) // 2):
            said = tracer.stderr.readline()
            if "Operation not permitted" in said:
                tracer.terminate()
                pytest.skip(f"this machine allows no tracing: {said}")
            assert "attached" in said, said
        try:
            yield
        finally:
            tracer.terminate()


def _writes(log: Path) -> list[int]:
    """Octets of each write to the milter, from the one on that opens a connection."""
    lines = sorted(line for file in log.parent.glob(f"{log.name}.*") for line in file.read_text().splitlines())
    found = re.findall(
        r"(?:write|sendto)\(\d+<([^>]*(?:->[^>]*)?)>, \"((?:[^\"\\]|\\.)*)\"(?:\.\.\.)?, (\d+)", "\n".join(lines)
    )
    (milter,) = {socket for socket, octets, _ in found if octets.startswith(_OPENING)}
    return [int(size) for socket, _, size in found if socket == milter]


def test_folders_around_the_benchmarks_own_stay_as_they_are(tmp_path: Path) -> None:
    """One of them is /tmp."""
    tmp_path.chmod(0o1777)
    with bench(tmp_path / "bench"):
        pass
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777
