"""Make edits of a header as an MTA makes them, and write the message that comes of it."""

from collections.abc import Iterable, Sequence

from reply_milter.core.mail.headers import Append, Delete, Edit, Insert, RemoveRecipient, Replace

HeaderFields = Sequence[tuple[str, str]]


def edited(fields: HeaderFields, edits: Iterable[Edit]) -> list[tuple[str, str]]:
    """The header after ``edits``, one by one. Fields are counted by name, case aside, from 1; recipients are none.

    Raises:
        LookupError: an edit names a field that is not there.
    """
    rows = list(fields)
    for edit in edits:
        match edit:
            case Append(name, value):
                rows.append((name, value))
            case Insert(name, value):
                rows.insert(0, (name, value))
            case Delete(name, index):
                del rows[_row(rows, name, index)]
            case Replace(name, index, value):
                rows[_row(rows, name, index)] = (name, value)
            case RemoveRecipient():
                pass
    return rows


def written(fields: HeaderFields, body: bytes) -> bytes:
    """The message as octets. Line ends of folded values become CRLF, as in ``body``."""
    lines = "".join(f"{name}: {value}\n" for name, value in fields)
    return lines.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "surrogateescape") + b"\r\n" + body


def _row(rows: HeaderFields, name: str, index: int) -> int:
    rows_of_name = [row for row, (known, _) in enumerate(rows) if known.lower() == name.lower()]
    return rows_of_name[index - 1]
