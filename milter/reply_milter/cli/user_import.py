"""``user import``: set the records of many users. A file with a mistake changes nothing."""

import argparse
import json
import os
import sys
from collections.abc import Iterator

from tqdm import tqdm

from reply_milter.cli.errors import CommandError
from reply_milter.cli.store_access import StoreAccess, store_access
from reply_milter.core.encoding.plural import counted
from reply_milter.core.user_file import UserEntry, UserFile, read
from reply_milter.ports import StoreUnavailableError, UserChange

_BATCH = 500  # users per round trip
_SHOWN = 5  # mistakes to print; the others are counted


def import_users(options: argparse.Namespace) -> int:
    """Read the whole file before anything is written."""
    found = _read(options.file)
    if found.problems:
        more = len(found.problems) - _SHOWN
        shown = "; ".join(found.problems[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        raise CommandError(os.EX_DATAERR, f"{options.file}: nothing was imported: {shown}")
    with store_access(options, changes=True) as access:
        _write(found, access)
    addresses = sum(len(entry.addresses or ()) for entry in found.users.values())
    if options.json:
        print(json.dumps({"users": len(found.users), "addresses": addresses}))
    else:
        users = counted(len(found.users), "user")
        print(f"imported {users} with {counted(addresses, 'address', 'addresses')}")
    return os.EX_OK


def _read(name: str) -> UserFile:
    try:
        if name == "-":
            return read(sys.stdin)
        with open(name, encoding="utf-8") as file:
            return read(file)
    except OSError as error:
        raise CommandError(os.EX_NOINPUT, f"{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(os.EX_DATAERR, f"{name}: is not UTF-8 text; nothing was imported") from None


def _write(found: UserFile, access: StoreAccess) -> None:
    done, registry, kept_until = 0, access.registry, access.kept_until
    with tqdm(total=len(found.users), unit=" users", disable=None, leave=False) as bar:  # None: only on a terminal
        for batch in _batches(found):
            try:
                registry.set_users(batch, kept_until)
            except StoreUnavailableError as error:
                whom = f"{done} of {counted(len(found.users), 'user')}"
                raise CommandError(
                    os.EX_TEMPFAIL, f"the store gave no answer after {whom} ({error}): import it again"
                ) from error
            done += len(batch)
            bar.update(len(batch))


def _batches(found: UserFile) -> Iterator[list[UserChange]]:
    changes = [UserChange(user, entry.disabled, _listed(entry)) for user, entry in found.users.items()]
    for start in range(0, len(changes), _BATCH):
        yield changes[start : start + _BATCH]


def _listed(entry: UserEntry) -> tuple[str, ...] | None:
    return None if entry.addresses is None else tuple(entry.addresses)
