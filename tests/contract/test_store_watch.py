"""A store that loses its data: the loss is noticed and reported, and this host's journal restores revocations."""

import json
import logging
import os
import threading
from pathlib import Path

import pytest

from reply_milter.adapters.redis_store import RedisEpochs, RedisStore
from reply_milter.adapters.state_dir import loss_record
from reply_milter.adapters.state_dir.revocation_journal import NAME, JournalError, RevocationJournal
from reply_milter.cli import main
from reply_milter.core.epoch import Loss
from reply_milter.core.token.revocation import Revocation, What
from reply_milter.processes.store_watch import StoreWatch, log_missing_rights
from reply_milter.wiring.stores import load
from tests.support.fakes import REALM
from tests.support.stores.redis_under_test import PROGRAM, RedisUnderTest, eventually
from tests.support.stores.several_redis import ClusterUnderTest, SentinelsUnderTest

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]


def journal_of(config: str) -> Path:
    """Where an installation keeps it."""
    return Path(load(config).config.state_dir) / NAME


def run(config: str, *words: str) -> None:
    """A command, which succeeds."""
    assert main([*words, "--config", config]) == os.EX_OK


def watch(config: str) -> StoreWatch:
    """As the process that watches has it; looks once."""
    made = StoreWatch(lambda: load(config).config)
    made.look()
    return made


def revoked(server: RedisUnderTest) -> tuple[int, int]:
    """What is in force for user 42, and for all."""
    facts = RedisStore(server.url, 1.0, REALM).facts(42, 1, 7, "tokentokentok")
    return facts.user_revoked_before, facts.all_revoked_before


def test_an_emptied_store_gets_its_revocations_back(
    server: RedisUnderTest, config: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By itself, while the daemon runs; the log and the metrics say so, and a second look finds all in order."""
    watching = watch(config)
    run(config, "revoke", "user", "42")
    run(config, "revoke", "before", "1000")
    before = revoked(server)
    server.command("FLUSHALL")
    assert revoked(server) == (0, 0)
    watching.look()
    assert revoked(server) == before
    assert "the store has lost data (emptied)" in caplog.text
    assert "2 revocations" in caplog.text
    condition = watching.condition()
    assert (dict(condition.losses), condition.restored) == ({Loss.EMPTIED: 1, Loss.SET_BACK: 0}, 2)
    assert condition.last > 0
    caplog.clear()
    watching.look()
    assert caplog.text == ""


def test_a_loss_while_the_daemon_was_down_is_noticed(server: RedisUnderTest, config: str) -> None:
    """The host remembers what it left there."""
    watch(config)
    run(config, "revoke", "user", "42")
    server.command("FLUSHALL")
    watch(config)
    assert revoked(server)[0] > 0


def test_a_store_that_is_set_back_is_noticed(server: RedisUnderTest, config: str) -> None:
    """Yesterday's copy, or a replica that was behind: the same id, and fewer marks."""
    watching = watch(config)
    watching.look()
    server.command("COPY", "rm1:epoch:0", "saved")
    watching.look()
    server.command("COPY", "saved", "rm1:epoch:0", "REPLACE")
    watching.look()
    assert watching.condition().losses[Loss.SET_BACK] == 1


def test_a_first_look_and_a_store_that_is_away_tell_nothing(server: RedisUnderTest, config: str) -> None:
    """Nothing was known; and what can't be asked has lost nothing."""
    watching = watch(config)
    server.stop()
    watching.look()
    server.start()  # with nothing in it
    assert sum(watching.condition().losses.values()) == 0
    watching.look()
    assert watching.condition().losses[Loss.EMPTIED] == 1


def test_what_could_not_be_restored_is_tried_again(server: RedisUnderTest, config: str) -> None:
    """The store may be full, or become unavailable again meanwhile."""
    watching = watch(config)
    run(config, "revoke", "user", "42")
    server.command("FLUSHALL")
    journal_of(config).rename(journal_of(config).with_suffix(".away"))
    journal_of(config).mkdir()  # can't be read
    watching.look()
    assert revoked(server)[0] == 0
    journal_of(config).rmdir()
    journal_of(config).with_suffix(".away").rename(journal_of(config))
    watching.look()
    assert revoked(server)[0] > 0


def test_the_command_puts_back_what_another_host_revoked(
    server: RedisUnderTest, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Restoring may be repeated; unreadable lines are reported, and the others restored."""
    run(config, "revoke", "user", "42")
    before = revoked(server)
    other = tmp_path / "other.journal"
    other.write_text(journal_of(config).read_text() + "half of a li")
    server.command("FLUSHALL")
    for _ in range(2):
        capsys.readouterr()
        run(config, "revoke", "restore", "--journal", str(other), "--json")
        told = capsys.readouterr()
        assert json.loads(told.out) == {"put_back": 1, "unreadable": 1}
        assert "skipped 1 line that cannot be read" in told.err
        assert revoked(server) == before
    assert main(["revoke", "restore", "--journal", str(tmp_path / "none"), "--config", config]) == os.EX_NOINPUT


def test_the_journal_is_nobody_elses_and_survives_a_torn_line(config: str) -> None:
    """0600, one line each; what a crash left half is left alone, and the next line is whole."""
    run(config, "revoke", "user", "42")
    path = journal_of(config)
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("a") as file:
        file.write('{"at": 1, "realm"')
    run(config, "revoke", "user", "43")
    found, broken = RevocationJournal(path).read(0)
    assert ([one.user for one in found], broken) == ([42, 43], 1)


def test_a_journal_that_cannot_be_written_is_reported(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The revocation is in force all the same."""
    journal_of(config).mkdir()
    run(config, "revoke", "user", "42")
    assert "the journal of revocations cannot be written" in capsys.readouterr().err


def test_a_large_journal_is_rewritten_and_loses_nothing(tmp_path: Path) -> None:
    """By several at once: what is in force stays, what was overtaken goes."""
    journal = RevocationJournal(tmp_path / NAME)
    kept = Revocation(REALM, What.TOKEN, 9000, token_id="tokentokentok")  # noqa: S106 # an id
    journal.add(kept, 1)
    with journal.path.open("a") as file:
        for number in range(12_000):
            file.write(Revocation(REALM, What.USER, 9000, user=number % 10, before=number).line(1))
    assert journal.path.stat().st_size > 1 << 20
    threads = [
        threading.Thread(target=journal.add, args=(Revocation(REALM, What.USER, 9000, user=100 + n, before=1), 1))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found, broken = journal.read(1)
    assert broken == 0
    assert kept in found
    assert {one.user for one in found if one.what is What.USER} == {*range(10), *range(100, 108)}
    assert journal.path.stat().st_size < 10_000
    assert journal.path.stat().st_mode & 0o777 == 0o600


def test_a_journal_is_never_written_through_a_link(tmp_path: Path) -> None:
    """A file of another user stays unchanged."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / NAME).symlink_to(victim)
    with pytest.raises(JournalError):
        RevocationJournal(tmp_path / NAME).add(Revocation(REALM, What.BEFORE, 9000, before=1), 1)
    assert victim.read_text() == "mine"


def test_the_file_of_the_record_keeps_its_member_names(tmp_path: Path) -> None:
    """A file that version 0.1.0 wrote is read, and is written again octet for octet."""
    text = '{"host": "h1", "marks": {"0": ["m", 3]}, "lost_at": 7, "put_back_at": 8, "former": {"0": ["l"]}}'
    (tmp_path / loss_record.NAME).write_text(text)
    record = loss_record.read_record(tmp_path)
    assert (record.lost_at, record.restored_at) == (7, 8)
    loss_record.write_record(tmp_path, record)
    assert (tmp_path / loss_record.NAME).read_text() == text


def marks_of(config: str) -> Path:
    """Where a host keeps what it last saw."""
    return Path(load(config).config.state_dir) / loss_record.NAME


def test_marks_that_cannot_be_read_are_no_first_look(
    server: RedisUnderTest, config: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is written, neither there nor into the store; once the file can be read, the loss shows."""
    watch(config)
    run(config, "revoke", "user", "42")
    server.command("FLUSHALL")
    marks_of(config).rename(marks_of(config).with_suffix(".away"))
    marks_of(config).mkdir()  # root reads every file
    watching = StoreWatch(lambda: load(config).config)
    for _ in range(2):
        with pytest.raises(loss_record.LossRecordError, match="Is a directory"):
            watching.look()
    assert server.command("DBSIZE") == 0
    assert watching.condition().last == 0
    marks_of(config).rmdir()
    marks_of(config).with_suffix(".away").rename(marks_of(config))
    watching.look()
    assert watching.condition().losses[Loss.EMPTIED] == 1
    assert revoked(server)[0] > 0


def test_damaged_marks_restore_revocations(
    server: RedisUnderTest, config: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether some were lost is not known, and restoring does no harm; then the file is whole again."""
    watch(config)
    run(config, "revoke", "user", "42")
    server.command("FLUSHALL")
    marks_of(config).write_text("[]")
    watch(config)
    assert revoked(server)[0] > 0
    assert "is damaged: whether the store lost revocations is not known" in caplog.text
    assert "restored 1 revocation from this host's journal" in caplog.text
    assert loss_record.read_record(Path(load(config).config.state_dir)).marks


def test_marks_that_were_lost_with_the_store(server: RedisUnderTest, config: str) -> None:
    """Restored from the journal at the first look; without a journal there is nothing to say."""
    watch(config)
    run(config, "revoke", "user", "42")
    server.command("FLUSHALL")
    marks_of(config).unlink()
    watching = watch(config)
    assert revoked(server)[0] > 0
    assert watching.condition().last == 0, "no loss was seen"


def test_a_first_look_without_a_journal_has_nothing_to_say(
    config: str, server: RedisUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    """As on every new host."""
    watch(config)
    assert caplog.text == ""


def test_a_record_is_written_and_read(tmp_path: Path) -> None:
    """With the time of a loss, until revocations are restored."""
    record = loss_record.new_record()
    loss_record.write_record(tmp_path, record.lost(7))
    assert loss_record.read_record(tmp_path) == record.lost(7)
    assert record.lost(7).is_open
    assert not record.lost(7).restored(7).is_open


def test_rights_that_are_missing_are_reported_at_the_start(
    server: RedisUnderTest, config: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log, with the line that mends it."""
    server.command("ACL", "SETUSER", "rm", "on", ">pw", "~rm1:*", "+@all", "-evalsha")
    path = Path(config)
    path.write_text(path.read_text().replace("unix://", "unix://rm:pw@"))
    with caplog.at_level(logging.ERROR):
        log_missing_rights(load(config).config)
    assert "ACL SETUSER rm +evalsha" in caplog.text
    assert "pw@" not in caplog.text


def test_one_master_of_a_cluster_that_lost_its_data(tmp_path: Path) -> None:
    """Is noticed, whichever it is; and slots that move are no loss."""
    cluster = ClusterUnderTest(tmp_path)
    try:
        cluster.start()
        epochs = RedisEpochs(cluster.url, 1.0)
        known = epochs.leave_mark("host")
        assert len(known) == 64
        assert all(node.command("DBSIZE") > 0 for node in cluster.nodes), "each has some"
        _moves_are_no_loss(cluster, epochs)
        cluster.nodes[1].command("FLUSHALL")
        before, now = known, epochs.leave_mark("host")
        lost = [name for name in before if now[name].id != before[name].id]
        assert 10 < len(lost) < 40
    finally:
        cluster.stop()


def test_a_master_that_comes_back_as_one_is_no_loss(tmp_path: Path) -> None:
    """A restarted empty server believes that it is the master until Sentinels correct it; clients do not believe it."""
    trio = SentinelsUnderTest(tmp_path)
    try:
        trio.start()
        epochs = RedisEpochs(trio.url, 1.0)
        (before,) = epochs.leave_mark("host").values()
        eventually(lambda: trio.second.command("EXISTS", "rm1:epoch:0") == 1)
        trio.first.stop()
        trio.agree_on(trio.second)
        trio.first.start()  # between two looks
        assert trio.first.command("ROLE")[0] == "master"
        (now,) = epochs.leave_mark("host").values()
        assert (now.id, now.count) == (before.id, before.count + 1)
        assert trio.first.command("DBSIZE") == 0, "nobody writes there"
        trio.second.command("FLUSHALL")
        (now,) = epochs.leave_mark("host").values()
        assert now.id != before.id, "a true loss is seen"
    finally:
        trio.stop()


def test_a_store_that_comes_back_has_lost_what_came_since_and_no_more(
    server: RedisUnderTest, config: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty server replaced it: the loss is reported, then that it is set back; each restores revocations."""
    watching = watch(config)
    server.command("RENAME", "rm1:epoch:0", "saved")
    watching.look()
    run(config, "revoke", "user", "42")
    server.command("RENAME", "saved", "rm1:epoch:0")
    server.command("DEL", *server.command("KEYS", "rm1*:u*"))
    watching = watch(config)  # also after a restart
    assert watching.condition().losses == {Loss.EMPTIED: 0, Loss.SET_BACK: 1}
    assert "the store has lost data (set_back)" in caplog.text
    assert revoked(server)[0] > 0


def _moves_are_no_loss(cluster: ClusterUnderTest, epochs: RedisEpochs) -> None:
    before = epochs.leave_mark("host")
    key = next(iter(before))
    owner = cluster.owner(key)
    cluster.move(cluster.slot(key), owner, cluster.other(owner))
    now = epochs.leave_mark("host")
    assert all(now[name].id == before[name].id and now[name].count > before[name].count for name in before)
