"""Tries, for doctor, what clients of the daemon do: read its metrics, connect as another user. Changes nothing."""

import http.client
import os
import socket

from reply_milter.core.diagnosis.daemon import Answer
from reply_milter.core.diagnosis.files import Account

_SECONDS = 2.0


def metrics_page(host: str, port: int) -> tuple[Answer, str]:
    """Return what answers at the address of the metrics page, and the page, empty if it can't be read."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 # all addresses hold this one
    connection = http.client.HTTPConnection(here, port, timeout=_SECONDS)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode("utf-8", "replace")
        return (Answer.OURS, text) if "reply_milter_" in text else (Answer.OTHER, "")
    except ConnectionRefusedError:
        return Answer.NONE, ""
    except (OSError, http.client.HTTPException):
        return Answer.OTHER, ""  # it may want TLS, or a login
    finally:
        connection.close()


def refused_as(account: Account, path: str, root: str) -> str:
    """Return why ``account`` cannot connect to ``path``, after a chroot to ``root`` if that is given; empty if it can.

    Only root can try this; for other users the result is empty.
    """
    if os.geteuid() != 0:
        return ""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, _try_as(account, path, root).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return answer.read()


def _try_as(account: Account, path: str, root: str) -> str:
    """Become ``account`` and connect, in a child process."""
    try:
        if root:
            os.chroot(root)
            os.chdir("/")
        os.setgroups(list(account.groups))
        os.setgid(account.groups[0])
        os.setuid(account.user)
        inside = "/" + os.path.relpath(path, root) if root else path
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_SECONDS)
            connection.connect(inside)
            return ""
    except OSError as error:
        return error.strerror or str(error)
