"""What meets a step while it waits for the store, on both engines: each message is answered once, or may come again."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_text.syntax.message_file import split
from tests.faults.alone import Alone, alone, configure, own_redis
from tests.faults.clients import arrived, ask_for, in_words, opened
from tests.faults.letters import Letter, letters
from tests.support.certificate import write_certificate
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.engine import ENGINES
from tests.support.processes.ports import free_port
from tests.support.stores.redis_under_test import RedisUnderTest, eventually
from tests.support.stores.several_redis import Node
from tests.wire.milter_alone import Milter, own_folder
from tests.wire.milter_client import CONTINUE, Answer, Mta

pytestmark = [pytest.mark.wire, pytest.mark.redis]

PATIENT = "timeout_ms = 2000 "
SILENT = 1000


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """What speaks the milter protocol."""
    return str(request.param)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisUnderTest]:
    """A Redis that a test stops."""
    with own_redis() as server:
        yield server


def _patient(milter: Milter) -> None:
    configure(milter, "timeout_ms = 200 ", PATIENT)
    configure(milter, 'mode = "enforce"', 'mode = "enforce"\nsender_mismatch = "park"')


@pytest.fixture(scope="module")
def host(redis: RedisUnderTest, engine: str) -> Iterator[Alone]:
    """One worker, that waits for the store for two seconds, and parks what a stranger sends."""
    with alone(redis.url, workers=1, prepare=_patient, engine=engine) as running:
        running.poured("warm", 20).finish()  # Redis knows the scripts, and there is a connection to it
        yield running


def _letter(host: Alone, name: str) -> Letter:
    return next(letters(host.settings, name, 1))


def _before_the_dot(host: Alone, letter: Letter, author: str = "alice") -> Mta:
    mta = opened(host.milter.socket, 15)
    said = ask_for(mta, letter)
    assert said.code == CONTINUE, in_words(said)
    fields, body = split(letter.message.replace(b"From: alice@", f"From: {author}@".encode()))
    for name, value in fields:
        mta.header(name, value.strip())
    mta.body(body)
    return mta


def _replay(host: Alone, letter: Letter, said: Answer) -> str:
    assert said.code == CONTINUE, in_words(said)
    return arrived(said, letter, host.settings.seal_keys)


@pytest.mark.parametrize("author", ["alice", "mallory"], ids=["accepted", "parked"])
def test_what_is_claimed_for_an_mta_that_hangs_up_may_come_again(
    host: Alone, redis: RedisUnderTest, author: str
) -> None:
    """It hangs up behind the dot, while the store is asked. The claim is released: later, the message is the first."""
    letter = _letter(host, f"hung-up-{author}")
    mta = _before_the_dot(host, letter, author)
    with redis.stopped():
        mta.send(b"E")
        time.sleep(0.2)  # it has asked by now
        mta.socket.close()
        time.sleep(0.1)
    time.sleep(0.5)  # longer than settle_ms
    again = _before_the_dot(host, letter, author)
    assert _replay(host, letter, again.end_of_message()) == "first"
    again.socket.close()


def test_a_reload_with_other_settings_of_the_store_is_not_noticed(host: Alone, redis: RedisUnderTest) -> None:
    """What was asked of the store as it was has its answer; what comes later is asked of the other one."""
    letter = _letter(host, "reload")
    mta = _before_the_dot(host, letter)
    with redis.stopped():
        mta.send(b"E")
        time.sleep(0.1)
        host.change(PATIENT, "timeout_ms = 1900 ")
    assert _replay(host, letter, mta.answer()) == "first"
    mta.socket.close()
    load = host.poured("reloaded", 20, clients=4).finish()
    assert [record.verdicts for record in load.records] == [["first"]] * 20
    host.change("timeout_ms = 1900 ", PATIENT)


def test_a_message_at_the_dot_has_its_answer_when_the_daemon_ends(redis: RedisUnderTest, engine: str) -> None:
    """The store needs 300 ms for the claim; meanwhile SIGTERM comes."""
    with alone(redis.url, workers=1, prepare=_patient, engine=engine) as host:
        host.poured("warm", 5, clients=1).finish()
        letter = _letter(host, "ending")
        mta = _before_the_dot(host, letter)
        redis.command("CLIENT", "PAUSE", 300, "WRITE")
        mta.send(b"E")
        time.sleep(0.1)
        ending = threading.Thread(target=host.milter.daemon.stop)
        ending.start()
        assert _replay(host, letter, mta.answer()) == "first"
        ending.join()
        mta.socket.close()


def test_a_worker_killed_while_the_store_is_asked_leaves_a_retry_welcome(host: Alone, redis: RedisUnderTest) -> None:
    """Redis has carried out the claim, or will: the same message again is a retry, and no replay."""
    letter = _letter(host, "killed")
    mta = _before_the_dot(host, letter)
    with redis.stopped():
        mta.send(b"E")
        time.sleep(0.2)
        (worker,) = host.milter.daemon.workers()
        os.kill(worker, signal.SIGKILL)
        with mta, pytest.raises(ConnectionError):
            mta.answer()
    wait_until(lambda: host.milter.daemon.workers() not in ([], [worker]), 10, "the worker is back")
    again = _before_the_dot(host, letter)
    assert _replay(host, letter, again.end_of_message()) in ("first", "retry")
    again.socket.close()


def test_a_thousand_silent_connections_cost_nothing(host: Alone) -> None:
    """Neither CPU time while nothing happens, nor others their answers."""
    silent = [opened(host.milter.socket, 15) for _ in range(SILENT)]
    try:
        (worker,) = host.milter.daemon.workers()
        before, began = _cpu_seconds(worker), time.monotonic()
        time.sleep(2.0)
        assert _cpu_seconds(worker) - before < 0.1 * (time.monotonic() - began)
        load = host.poured("beside", 40, clients=4).finish()
        assert [record.verdicts for record in load.records] == [["first"]] * 40
        assert max(answer.slowest for record in load.records for answer in record.answers) < 1.0
    finally:
        for one in silent:
            one.socket.close()


def _cpu_seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_a_store_with_tls(engine: str) -> None:
    """It has no pipeline. Many ask at once; while it is gone they are deferred, and each retry is taken."""
    with own_folder() as folder:
        certificate = folder / "redis.pem"
        write_certificate(certificate, certificate.with_suffix(".key"))
        certificate.chmod(0o644)
        node = Node(folder / "redis", free_port(), "appendonly yes", certificate=certificate)
        node.start()
        try:
            url = f"rediss://127.0.0.1:{node.port}/0?ssl_ca_certs={certificate}"
            with alone(url, prepare=_patient, engine=engine) as host:
                _through_a_restart(host, node)
        finally:
            node.stop()


def _through_a_restart(host: Alone, node: Node) -> None:
    load = host.poured("tls", 60, clients=24).finish()
    assert [record.verdicts for record in load.records] == [["first"]] * 60
    node.stop()
    load = host.poured("gone", 40, clients=24)
    wait_until(lambda: load.waiting >= 20, 20, "some are deferred")
    node.start()
    eventually(node.answers)
    load.finish()
    assert [record.verdicts for record in load.records] == [["first"]] * 40
    texts = {answer.text[:9] for record in load.records for answer in record.answers}
    assert texts == {"250 queue", "451 4.3.0"}, texts
