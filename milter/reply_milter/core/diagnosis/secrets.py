"""The configuration file, where it holds secrets: who may read it."""

import stat
from collections.abc import Iterator, Sequence

from reply_milter.core.diagnosis.files import Account, FileFacts
from reply_milter.core.diagnosis.problem import SHELL, Problem, Remedy, warning


def examine(file: FileFacts, secrets: Sequence[str], daemon: Account | None) -> Iterator[Problem]:
    """``secrets``: what it holds, in words. Nobody minds who reads one without."""
    if not (secrets and file.there and file.mode & stat.S_IROTH):
        return
    group = daemon.name if daemon else "reply-milter"
    yield warning(
        "config.secret",
        f"{file.path}: mode {file.mode:04o} lets every user of this host read {', '.join(secrets)}",
        "who knows it can play the milter to the application, or read and change the store",
        Remedy(SHELL, f"chgrp {group} {file.path} && chmod 0640 {file.path}"),
    )
