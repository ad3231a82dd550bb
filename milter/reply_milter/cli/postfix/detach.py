"""``postfix detach``: Postfix's configuration without us, as it was before ``attach``."""

import argparse
import os
from collections.abc import Iterable

from reply_milter.adapters.postfix import control, written
from reply_milter.adapters.postfix.attached import Attached
from reply_milter.cli.errors import CommandError
from reply_milter.cli.postfix import showing, working
from reply_milter.config import Config
from reply_milter.core.attachment.change import Change, Host, Texts
from reply_milter.core.diagnosis.postfix import syntax
from reply_milter.core.diagnosis.problem import MAIN_CF, MASTER_CF

_LISTED = 5  # queue ids that one line names
_ORDER = (MAIN_CF, MASTER_CF)  # main.cf first: it names a transport of master.cf


def run(options: argparse.Namespace) -> int:
    """Show what is taken out, ask, and do it."""
    attached = Attached(options.config, options.postfix)
    config = working.config_if_any(options.config)
    with working.mistakes(), attached.exclusive():
        record = attached.read()
        old = written.texts(options.postfix)
        with written.copy(old) as copy:
            domains = _domains(config, written.host(copy.folder))
            changed = working.take_out(copy, record, working.sockets(config))
            new = written.texts(copy.folder)
        if new == old:
            attached.remove()
            print(f"nothing of ours is attached to the Postfix of {options.postfix}")
            return os.EX_OK
        return _detach(options, attached, (old, new), changed, domains)


def _detach(
    options: argparse.Namespace,
    attached: Attached,
    texts: tuple[Texts, Texts],
    changed: list[Change],
    domains: set[str],
) -> int:
    old, new = texts
    print("\n".join([*showing.difference(options.postfix, old, new), *showing.of_changed(changed)]))
    if not options.force:
        _must_be_delivered(control.queued(options.postfix, domains))
    if not showing.agreed(options):
        print("nothing was changed")
        return 1
    kept = attached.keep(old)
    working.put_in_place(options.postfix, old, new, _ORDER)
    done = working.load(options.postfix)
    attached.remove()
    print(f"detached; {done}. The files as they were until now: {', '.join(kept)}")
    print("next: systemctl disable --now reply-milter")
    return os.EX_OK


def _domains(config: Config | None, host: Host) -> set[str]:
    """Return the domains that Postfix takes mail for because of us."""
    found = [host.site.get(name) for name in ("reply_domain", "reply_application_domains")]
    listed = (element.lower() for value in found for element in syntax.elements(value))
    return {*listed, *(config.form.accept_domains if config else ())}


def _must_be_delivered(waiting: Iterable[str]) -> None:
    """Refuse while accepted replies wait: without the transport, Postfix would return them to their senders."""
    ids = list(waiting)
    if ids:
        some = ", ".join(ids[:_LISTED]) + (", ..." if len(ids) > _LISTED else "")
        raise CommandError(
            os.EX_TEMPFAIL,
            f"nothing was changed: {len(ids)} in Postfix's queue for the reply domain ({some}) would be returned to the"
            " sender. Deliver (postqueue -f) or delete (postsuper -d) what waits, or say --force",
        )
