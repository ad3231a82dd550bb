"""The table of reasons, and the pages that list them."""

import re
import tomllib
from pathlib import Path

import pytest

from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import ALLOWED
from reply_milter.core.verdict.reasons import REASONS, FoundIn, Reason

_ROOT = Path(__file__).parents[4]
_UNCHECKED = {Reason.OK, Reason.INTERNAL}  # no check finds these


def _rows(page: str, head: str) -> list[list[str]]:
    """The rows of the Markdown table whose head is ``head``."""
    text = (_ROOT / "docs" / page).read_text().split(head)[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[1:]]


def test_every_reason_is_in_the_table() -> None:
    """In the order of the enum, or of whoever reads it."""
    assert set(REASONS) == set(Reason)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason not in _UNCHECKED])
def test_every_reason_is_found_by_a_check_at_a_stage(reason: Reason) -> None:
    """All but ``ok`` and ``internal``."""
    assert REASONS[reason].checks and REASONS[reason].found_in
    assert not any(REASONS[one].checks or REASONS[one].found_in for one in _UNCHECKED)


@pytest.mark.parametrize("reason", ALLOWED)
def test_the_default_is_one_of_the_allowed_actions(reason: Reason) -> None:
    """Also where it follows another reason's, whatever the operator chose for that."""
    about = REASONS[reason]
    assert about.default in about.allowed
    assert about.follows is None or REASONS[about.follows].allowed == about.allowed


@pytest.mark.parametrize("reason", Reason)
def test_what_an_address_without_a_checksum_gives_rise_to_is_refused(reason: Reason) -> None:
    """Nothing else is known of such mail."""
    if FoundIn.ADDRESS in REASONS[reason].found_in:
        assert REASONS[reason].allowed in ({Action.REJECT, Action.DEFER}, frozenset())


def test_flow_md_numbers_the_checks_as_the_table_does() -> None:
    """From 1 on, in the order in which they decide, each with its reasons."""
    rows = _rows("flow.md", "| check | when | what is asked | reason |\n")
    rows = [row for row in rows if row[0].isdecimal()]
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    told = {(int(row[0]), name) for row in rows for name in re.findall(r"`(\w+)`", row[3])}
    assert told == {(number, reason.value) for reason, about in REASONS.items() for number in about.checks}


def test_the_verdict_header_page_names_every_reason_of_a_header() -> None:
    """A reply that hears 451 or 452 bears none, but in observe mode; ``ok`` stands before the table.

    An application's own address that is refused bears none either, and one that passes in observe mode says ``ok``.
    """
    rows = _rows("verdict-header.md", "| reason | found |\n")
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    refused = {Reason.OK, Reason.PARKING_FULL, Reason.NATIVE, Reason.INTERNAL}
    assert told == {reason.value for reason in set(Reason) - refused}


def test_the_man_page_names_every_policy_key() -> None:
    """In one list, with the defaults that are not reject."""
    page = (_ROOT / "docs/man/reply-milter.toml.5").read_text()
    (head,) = re.findall(r"(?m)^\.It (Ic malformed .*)$", page)
    assert re.findall(r"Ic (\S+)", head) == [reason.value for reason in ALLOWED]


def test_the_template_shows_policy_keys_with_their_defaults() -> None:
    """As comments: what an operator may want to change. It need not show all."""
    template = (_ROOT / "milter/reply_milter/cli/reply-milter.toml").read_text()
    section = template.split("[policy]\n")[1].split("\n[")[0]
    shown = dict(re.findall(r'(?m)^# (\w+) = ("\w+")', section))
    for name, value in shown.items():
        about = REASONS[Reason(name)]
        expected = about.default if about.follows is None else REASONS[about.follows].default
        assert about.allowed and tomllib.loads(f"value = {value}")["value"] == expected
