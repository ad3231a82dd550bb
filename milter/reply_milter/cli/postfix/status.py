"""``postfix status``: what of ours is in Postfix's configuration."""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from reply_milter.adapters.postfix import written
from reply_milter.adapters.postfix.attached import Attached
from reply_milter.cli.postfix import working
from reply_milter.core.attachment.record import Record
from reply_milter.core.diagnosis.problem import MAIN_CF

_ATTACHED = 1


def run(options: argparse.Namespace) -> int:
    """Say what is attached; exit 0 if nothing is, 1 if something is."""
    with working.mistakes():
        if not (Path(options.postfix) / MAIN_CF).exists():
            return _say(options, [], None)
        attached = Attached(options.config, options.postfix)
        record, host = attached.read(), written.host(options.postfix)
        places = working.sockets(working.config_if_any(options.config))
        found = [str(one) for one in working.what_is_ours(host, record, places)]
    return _say(options, found, record if found else None)


def _say(options: argparse.Namespace, found: list[str], record: Record | None) -> int:
    if options.json:
        choice = asdict(record.choice) if record is not None else None
        print(json.dumps({"attached": bool(found), "postfix": options.postfix, "choice": choice, "found": found}))
    elif found:
        print("\n".join([_summary(options, record), *(f"  {line}" for line in found)]))
    else:
        print(f"nothing of ours is attached to the Postfix of {options.postfix}")
    return _ATTACHED if found else os.EX_OK


def _summary(options: argparse.Namespace, record: Record | None) -> str:
    if record is None:
        return f"attached to the Postfix of {options.postfix}, by hand:"
    more = [name for name in ("hook", "sign") if getattr(record.choice, name)]
    words = ", ".join([f"layout {record.choice.layout}", *more])
    return f"attached to the Postfix of {options.postfix} ({words}):"
