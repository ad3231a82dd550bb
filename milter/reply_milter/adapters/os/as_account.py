"""Try something as another user of this host: a mode shows what is allowed, a try shows what works."""

import os
from collections.abc import Callable

from reply_milter.core.diagnosis.files import Account


def told_as(account: Account | None, work: Callable[[], str]) -> str:
    """Return what ``work`` returns when ``account`` does it, in a process of its own. Only root can become another.

    For another user, or without an account, it is done as who we are.
    """
    if os.geteuid() != 0 or account is None:
        return work()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _tell(writing, account, work)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as answer:
        told = answer.read()
    _, status = os.waitpid(child, 0)
    return told if status == 0 else f"it could not be tried as {account.name}"


def _tell(writing: int, account: Account, work: Callable[[], str]) -> None:
    """Become ``account``, write what ``work`` returns, and end."""
    status = 1
    try:
        os.setgroups(list(account.groups))
        os.setgid(account.groups[0])
        os.setuid(account.user)
        os.write(writing, work().encode("utf-8", "replace"))
        status = 0
    finally:
        os._exit(status)
