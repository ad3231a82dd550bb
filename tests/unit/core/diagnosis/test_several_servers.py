"""What doctor says of Sentinels, of a Cluster's slots, and of a store that has lost data."""

from reply_milter.core.diagnosis.problem import Problem, Severity
from reply_milter.core.diagnosis.store import StoreFacts, TopologyFacts, examine, examine_loss, examine_topology, of_one

DAY = 86400
GOOD = {"redis_version": "7.0.15", "role": "master", "aof_enabled": "1", "maxmemory_policy": "noeviction"}


def checks(findings: list[Problem]) -> list[tuple[str, Severity]]:
    """Names and severities."""
    return [(finding.check, finding.severity) for finding in findings]


def test_sentinels_that_are_well() -> None:
    """Three, of one mind; and where there are none."""
    assert list(examine_topology(TopologyFacts({"a": "", "b": "", "c": ""}))) == []
    assert list(examine_topology(TopologyFacts())) == []


def test_sentinels_that_are_silent() -> None:
    """One of three is bad, two are worse; two in all can't agree when one is away."""
    one = list(examine_topology(TopologyFacts({"a": "gone", "b": "", "c": ""})))
    assert checks(one) == [("store.sentinel", Severity.WARNING)]
    assert "a: gone" in one[0].what
    two = checks(list(examine_topology(TopologyFacts({"a": "gone", "b": "gone", "c": ""}))))
    assert two == [("store.sentinel", Severity.ERROR)] * 2
    assert checks(list(examine_topology(TopologyFacts({"a": "", "b": ""})))) == [("store.sentinels", Severity.WARNING)]


def test_slots_without_a_master() -> None:
    """Problems name the server by its number."""
    (found,) = examine_topology(TopologyFacts(uncovered=5461))
    assert (found.check, found.severity) == ("store.slots", Severity.ERROR)
    assert "5461" in found.what


def test_a_loss_is_reported_until_it_is_mended_and_for_a_week() -> None:
    """An error while revocations are not back."""
    now = 1_800_000_000
    assert list(examine_loss(0, 0, now)) == []
    (bad,) = examine_loss(now - 30 * DAY, 0, now)
    assert (bad.severity, bad.remedy.line) == (Severity.ERROR, "reply-milter revoke restore")
    (mended,) = examine_loss(now - DAY, now - DAY, now)
    assert mended.severity is Severity.WARNING
    assert "2027-01-14" in mended.what
    assert list(examine_loss(now - 8 * DAY, now - 8 * DAY, now)) == []


def test_one_server_of_a_cluster_is_not_the_cluster() -> None:
    """The URL must say so."""
    info = {**GOOD, "redis_mode": "cluster"}
    assert checks(list(examine(StoreFacts(0.001, info=info), 200, False))) == [("store.mode", Severity.ERROR)]
    assert list(examine(StoreFacts(0.001, info=info, in_cluster=True), 200, False)) == []


def test_findings_of_several_servers_say_which() -> None:
    """By its place."""
    (found,) = of_one("192.0.2.1:6379", examine(StoreFacts(0.001, info={**GOOD, "aof_enabled": "0"}), 200, False))
    assert found.what.startswith("192.0.2.1:6379: ")
