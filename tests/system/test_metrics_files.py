"""Files of metrics that are truncated while processes count in them, as by a clean-up or a repaired disk."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosts.site_under_test import Site, reply
from tests.support.processes.daemon_process import wait_until

pytestmark = pytest.mark.system

BROKEN = "reply_milter_metrics_files_broken"
RELOADED = "reply_milter_config_last_reload_success"


@pytest.fixture
def site() -> Iterator[Site]:
    """A host of its own, to do harm to: with two workers."""
    running = Site({"workers = 0": "workers = 2"})
    try:
        yield running.start()
    finally:
        running.stop()


def files(site: Site, slot: str) -> list[Path]:
    """What a process counts in."""
    return sorted(Path(site.settings.config.state_dir, "metrics").glob(f"*_{slot}.db"))


def heard(site: Site, number: int) -> str:
    """Reply to its own notification; return the client's answer."""
    minted = site.mint(locator=f"cut/{number}")
    return site.send([f"<{minted.address}>"], reply(minted, number))


@pytest.mark.parametrize("octets", [0, 3, 100, 5000])
def test_a_worker_whose_files_are_cut_is_replaced_and_the_page_stays(site: Site, octets: int) -> None:
    """The kernel ends a worker that counts (SIGBUS): one client retries, and the new worker counts anew."""
    assert heard(site, 0).startswith("250")
    before = site.daemon.workers()
    cut = [file for file in files(site, "verify0") if file.stat().st_size > octets]
    for file in cut:
        os.truncate(file, octets)
    told = site.metrics()
    assert told[BROKEN] >= 1
    assert told['reply_milter_process_up{process="verify1"}'] == 1
    assert any(name.startswith("reply_milter_stage_seconds_count") for name in told), "the other worker's are shown"
    answers: list[str] = []

    def replaced() -> bool:
        answers.append(heard(site, len(answers) + 1))
        return set(site.daemon.workers()) != set(before) and len(site.daemon.workers()) == 2

    wait_until(replaced, 60, "the worker is replaced")
    assert {answer[:3] for answer in answers} <= {"250", "451"}, answers
    wait_until(lambda: site.metrics()[BROKEN] == 0, 20, "all is shown again")
    assert "ended: signal 7" in site.daemon.log()
    for file in cut:
        assert site.daemon.log().count(f"{file} is cut or damaged: what its process counts") <= 1
    assert heard(site, 1000).startswith("250")
    assert len(site.daemon.workers()) == 2


def test_the_supervisor_survives_a_file_that_is_cut(site: Site) -> None:
    """Nothing would restart the supervisor."""
    for file in files(site, "supervisor"):
        os.truncate(file, 0)
    site.daemon.reload()
    wait_until(lambda: site.metrics().get(RELOADED) == 1, 20, "it counts anew")
    assert heard(site, 1).startswith("250")
