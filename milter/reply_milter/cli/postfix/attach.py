"""``postfix attach``: ours joined with what Postfix has, shown, asked for, checked and loaded."""

import argparse
import os
from collections.abc import Iterator

from reply_milter.adapters.postfix import control, written
from reply_milter.adapters.postfix.attached import Attached
from reply_milter.cli.demo.private_postfix import PostfixError, contrib_folder
from reply_milter.cli.errors import CommandError
from reply_milter.cli.postfix import choosing, reaching, showing, working
from reply_milter.config import Config
from reply_milter.core.attachment import plan
from reply_milter.core.attachment.change import FILES, Change, Texts
from reply_milter.core.attachment.names import is_ours
from reply_milter.core.attachment.record import Record
from reply_milter.core.attachment.wanted import Choice
from reply_milter.core.diagnosis.problem import MAIN_CF, MASTER_CF
from reply_milter.wiring.stores import load

_ORDER = (MASTER_CF, MAIN_CF)  # master.cf first: a main.cf that names a transport without it would defer mail


def run(options: argparse.Namespace) -> int:
    """Show what is joined, ask, and do it."""
    config = load(options.config).config
    attached = Attached(options.config, options.postfix)
    with working.mistakes(), attached.exclusive():
        former, old = attached.read(), written.texts(options.postfix)
        choice = choosing.choice(options, config, former)
        new, changed = _rehearse(config, attached.postfix, choice, former, old)
        for line in _shown(options.postfix, config, new, old, changed):
            print(line)
        if old != new.after:
            return _attach(options, attached, (former, new), old, config)
        attached.write(new)
        print(f"attached to the Postfix of {options.postfix}: there is nothing to change")
        return os.EX_OK


def _rehearse(
    config: Config, postfix: str, choice: Choice, former: Record | None, old: Texts
) -> tuple[Record, list[Change]]:
    """Attach to a copy. Return what goes on record, and what somebody has changed since an earlier ``attach``."""
    fragments = _fragments()
    with written.copy(old) as copy:
        kept = {name: value for name, value in written.host(copy.folder).main.items() if is_ours(name)}
        changed = working.take_out(copy, former, working.sockets(config))
        host, before = written.host(copy.folder), written.texts(copy.folder)
        wanted = choosing.wanted(config, choice, host.site)
        _refuse(list(plan.refusals(host, wanted)))
        changes = plan.changes(host, wanted, fragments, kept)
        copy.edit(changes)
        return Record(postfix, choice, changes, before, old, written.texts(copy.folder)), changed


def _fragments() -> Texts:
    try:
        return {path.name: path.read_text(encoding="utf-8") for path in contrib_folder().glob("*.cf")}
    except PostfixError as error:
        raise CommandError(os.EX_UNAVAILABLE, str(error)) from error


def _refuse(reasons: list[str]) -> None:
    if reasons:
        raise CommandError(os.EX_CONFIG, f"nothing was changed: {'; '.join(reasons)}")


def _shown(postfix: str, config: Config, new: Record, old: Texts, changed: list[Change]) -> Iterator[str]:
    yield from showing.difference(postfix, old, new.after)
    yield from showing.of_changed(changed)
    yield from choosing.remarks(config, new)


def _attach(
    options: argparse.Namespace, attached: Attached, records: tuple[Record | None, Record], old: Texts, config: Config
) -> int:
    former, new = records
    working.must_be_sound(options.postfix)
    if control.is_running(options.postfix):
        reaching.must_answer(config, new.choice, options.postfix)
    if not showing.agreed(options):
        print("nothing was changed")
        return 1
    attached.write(new)  # before the files: whatever ends this command, `detach` then finds what it was about to do
    try:
        working.put_in_place(options.postfix, old, new.after, _ORDER)
    except BaseException:
        _restore(attached, former, options.postfix, old)
        raise
    print(f"attached; {working.load(options.postfix)}. On record: {attached.path}")
    print(f"next: reply-milter doctor --postfix {options.postfix}")
    return os.EX_OK


def _restore(attached: Attached, former: Record | None, postfix: str, old: Texts) -> None:
    """Have the former record again, if the files are as they were."""
    if any(written.texts(postfix)[name] != old[name] for name in FILES):
        return
    if former is None:
        attached.remove()
    else:
        attached.write(former)
