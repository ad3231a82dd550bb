"""What the deeds of ``postfix`` share: a configuration without us, and files that are put in place together."""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reply_milter import config as configuration
from reply_milter.adapters.postfix import control, written
from reply_milter.adapters.postfix.postconf import PostconfError
from reply_milter.adapters.postfix.written import Copy, WrittenError
from reply_milter.cli.errors import CommandError
from reply_milter.config import Config, ConfigError
from reply_milter.config.places import LMTP_SOCKET, SIGN_SOCKET, VERIFY_SOCKET
from reply_milter.core.attachment import undo
from reply_milter.core.attachment.change import Change, Host, Texts
from reply_milter.core.attachment.record import Record
from reply_milter.core.diagnosis.endpoint import Endpoint, parse
from reply_milter.core.diagnosis.problem import MAIN_CF
from reply_milter.doctor.installation import endpoint
from reply_milter.wiring import loading


@contextmanager
def mistakes() -> Iterator[None]:
    """Report what can't be read or written as a command's mistake."""
    try:
        yield
    except WrittenError as error:
        raise CommandError(os.EX_CANTCREAT, str(error)) from error
    except PostconfError as error:
        raise CommandError(os.EX_CONFIG, str(error)) from error


def config_if_any(path: str) -> Config | None:
    """Return our configuration, also with mistakes; None where it can't be read: Postfix can be detached without it."""
    try:
        return configuration.parse(loading.read(path))
    except ConfigError as error:
        return error.partial


def sockets(config: Config | None) -> list[Endpoint]:
    """Return where our milters listen, or would by default."""
    if config is None:
        found = (parse(place) for place in (VERIFY_SOCKET, SIGN_SOCKET, LMTP_SOCKET))
        return [place for place in found if place is not None]
    places = (config.verify.place, config.sign.place, config.delivery.place if config.delivery else None)
    return [endpoint(place) for place in places if place is not None and place.socket]


def take_out(copy: Copy, record: Record | None, places: Collection[Endpoint]) -> list[Change]:
    """Take everything of ours out of a copy; return what somebody has changed since it was attached.

    Entries that are as ``attach`` left them become what they were before, octet by octet.
    """
    changed: list[Change] = []
    if record is not None:
        found = written.texts(copy.folder)
        left = [one for one in record.changes if not record.knows(one.file, found)]
        changed = list(undo.changed_since(written.host(copy.folder), left))
        for name, text in undo.restored(found, record).items():
            copy.write(name, text)
        copy.edit(undo.of_record(written.host(copy.folder), left))
    host = written.host(copy.folder)
    copy.write(MAIN_CF, undo.cleaned(written.texts(copy.folder)[MAIN_CF], host, places))
    copy.edit(one for one in undo.leftovers(host, places) if one.service)
    return changed


def what_is_ours(host: Host, record: Record | None, places: Collection[Endpoint]) -> list[Change]:
    """Return what would be taken out of a configuration, without a change of it."""
    recorded = undo.of_record(host, record.changes) if record is not None else ()
    return list({str(one): one for one in (*recorded, *undo.leftovers(host, places))}.values())


def must_be_sound(folder: str) -> None:
    """Raise a CommandError if Postfix finds its configuration faulty before anything was changed."""
    problem = control.check(folder)
    if problem:
        raise CommandError(os.EX_CONFIG, f"nothing was changed: postfix check already fails: {problem}")


def put_in_place(folder: str, old: Texts, new: Texts, order: Iterable[str]) -> None:
    """Replace the files that differ, in ``order``, and have Postfix check and load them; or leave all as it was.

    Raises:
        CommandError: Postfix does not accept them. The files are as they were.
        WrittenError: one can't be written. The files are as they were.
    """
    done: list[str] = []
    try:
        for name in order:
            if old[name] != new[name]:
                written.replace(Path(folder) / name, old[name], new[name])
                done.append(name)
        problem = control.check(folder)
    except (WrittenError, PostconfError):
        _put_back(folder, old, new, done)
        raise
    if problem:
        _put_back(folder, old, new, done)
        raise CommandError(os.EX_CONFIG, f"postfix check fails, so both files are as they were: {problem}")


def _put_back(folder: str, old: Texts, new: Texts, done: list[str]) -> None:
    for name in reversed(done):
        written.replace(Path(folder) / name, new[name], old[name])


def load(folder: str) -> str:
    """Have a running Postfix load its configuration; return what was done, in words.

    Raises:
        CommandError: it can't load it.
    """
    if not control.is_running(folder):
        return "Postfix does not run: it reads them when it starts"
    problem = control.reload(folder)
    if problem:
        raise CommandError(os.EX_CONFIG, f"the files are changed, but postfix reload fails: {problem}")
    return "Postfix has reloaded them"
