"""What the benchmark counts as done, how many messages it sends, and what these look like."""

from dataclasses import replace

import pytest

from benchmarks.fields import fields, many_fields
from benchmarks.generator import Run
from benchmarks.plan import SESSION, Size
from benchmarks.processes import BenchmarkError
from benchmarks.rounds import _done

_NONE = Run(100, 1.0, 1.0, 2.0, 0.1, 0, 0, 0, 0, 0, 1000)
_PASSED = replace(_NONE, accepted=100)
_SEALED = replace(_NONE, accepted=100, edited=100)
_REFUSED = replace(_NONE, refused_rcpt=100)
_LATE = replace(_NONE, accepted=60, edited=60, refused_rcpt=30, refused_eom=10, deferred=40)


@pytest.mark.parametrize(
    "name, mail, run, done",
    [
        ("ours", "replies", _SEALED, 100),
        ("ours tcp", "replies25", _LATE, 60),
        ("rspamd replies", "replies", _SEALED, 100),
        ("opendkim", "replies", _PASSED, 100),
        ("ours early", "ordinary", _PASSED, 100),
        ("ours", "forged", _REFUSED, 100),
        ("opendkim", "forged", _PASSED, 100),
    ],
)
def test_what_is_answered_as_it_should_be_is_done(name: str, mail: str, run: Run, done: int) -> None:
    """A reply of ours is sealed, and what heard 451 does not count."""
    assert _done(name, mail, run) == done


@pytest.mark.parametrize(
    "name, mail, run",
    [
        ("ours", "replies", _PASSED),  # not sealed
        ("ours", "replies", replace(_NONE, refused_rcpt=100, deferred=100)),  # all of them 451
        ("ours", "replies", replace(_SEALED, accepted=99, edited=99, refused_eom=1)),  # one refused for good
        ("ours", "forged", _PASSED),
        ("ours", "ordinary", _SEALED),
        ("rspamd replies", "replies", _PASSED),  # no field added
        ("rspamd", "replies", replace(_PASSED, accepted=99, refused_eom=1, deferred=1)),
    ],
)
def test_a_filter_that_does_not_do_its_work_stops_the_benchmark(name: str, mail: str, run: Run) -> None:
    """It would be fast for nothing."""
    with pytest.raises(BenchmarkError, match="were answered as they should be"):
        _done(name, mail, run)


def test_each_connection_has_a_whole_session() -> None:
    """However many there are."""
    size = Size(1, 0, 1500, 4500, 100, (1, 8, 200), (8,), 0.1)
    assert [size.count(mail, number) for mail in ("replies25", "ordinary") for number in (8, 200)] == [
        1500,
        200 * SESSION,
        4500,
        200 * SESSION,
    ]
    assert size.crowds == (8, 200)


@pytest.mark.parametrize("answers, count", [("", 11), ("a/1@reply.example.com", 13)])
def test_messages_have_a_dozen_fields_or_25(answers: str, count: int) -> None:
    """The long ones have all that the short ones have."""
    few, many = (make(1, "bob@example.com", answers, "4B1") for make in (fields, many_fields))
    assert (len(few), len(many)) == (count, 25)
    assert [field for field in few if field not in many] == []
