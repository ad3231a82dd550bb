"""Who may do what with a file, by its mode; and who could put another in its place."""

import pytest

from reply_milter.core.diagnosis.files import (
    READ,
    SEARCH,
    WRITE,
    Account,
    FileFacts,
    Kind,
    first_closed,
    inside,
    may,
    replaceable_by_others,
)

OURS, ROOT = Account("milter", 200, (200, 300)), Account("root", 0, (0,))


@pytest.mark.parametrize(
    ("mode", "owner", "group", "wanted", "allowed"),
    [
        (0o600, 200, 9, READ | WRITE, True),
        (0o400, 200, 9, READ | WRITE, False),
        (0o060, 200, 300, READ, False),  # an owner is judged as the owner, and as nothing else
        (0o660, 9, 300, READ | WRITE, True),
        (0o640, 9, 300, READ | WRITE, False),
        (0o607, 9, 300, READ, False),
        (0o666, 9, 9, READ | WRITE, True),
        (0o660, 9, 9, READ, False),
        (0o711, 9, 9, SEARCH, True),
    ],
)
def test_modes_are_read_as_the_kernel_reads_them(mode: int, owner: int, group: int, wanted: int, allowed: bool) -> None:
    """Owner, then any group, then others: the first that fits decides."""
    facts = FileFacts("/x", Kind.FILE, mode, owner, group)
    assert may(OURS, facts, wanted) is allowed
    assert may(ROOT, facts, wanted)


def test_the_first_closed_folder_is_named() -> None:
    """From the root down; what is not there closes nothing."""
    parents = [
        FileFacts("/", Kind.FOLDER, 0o755),
        FileFacts("/gone", Kind.MISSING),
        FileFacts("/a", Kind.FOLDER, 0o700),
        FileFacts("/a/b", Kind.FOLDER, 0o700),
    ]
    closed = first_closed(OURS, parents)
    assert closed is not None
    assert closed.path == "/a"
    assert first_closed(ROOT, parents) is None


@pytest.mark.parametrize(
    ("mode", "owner", "by_others"),
    [
        (0o755, 0, False),
        (0o755, 200, False),
        (0o755, 9, True),
        (0o775, 0, True),
        (0o777, 0, True),
        (0o1777, 0, False),
        (0o1777, 9, True),
    ],
)
def test_a_file_can_be_replaced_by_who_may_write_its_folder(mode: int, owner: int, by_others: bool) -> None:
    """But not in a sticky one, like /tmp."""
    assert replaceable_by_others(FileFacts("/x", Kind.FOLDER, mode, owner), frozenset({0, 200})) is by_others


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        ("/var/spool/postfix/r/s", "/var/spool/postfix", True),
        ("/var/spool/postfix/r/s", "/var/spool/postfix/", True),
        ("/var/spool/postfix2/s", "/var/spool/postfix", False),
        ("/var/spool/postfix/../s", "/var/spool/postfix", False),
    ],
)
def test_inside_goes_by_names(path: str, folder: str, expected: bool) -> None:
    """Not by the text's beginning alone."""
    assert inside(path, folder) is expected
