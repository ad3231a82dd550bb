"""The Postfix that runs with a configuration: checked, reloaded, asked for its queue."""

import json
from collections.abc import Collection
from pathlib import Path

from reply_milter.adapters.postfix import postconf


def check(folder: str) -> str:
    """Return why ``postfix check`` fails; empty if it does not.

    Raises:
        PostconfError: there is no Postfix.
    """
    done = postconf.run("postfix", "-c", folder, "check")
    return (postconf.complaint(done) or "postfix check fails") if done.returncode else ""


def is_running(folder: str) -> bool:
    """Return whether the Postfix of a configuration runs.

    Raises:
        PostconfError: there is no Postfix.
    """
    return postconf.run("postfix", "-c", folder, "status").returncode == 0


def reload(folder: str) -> str:
    """Have a running Postfix read its configuration again; return why it fails.

    Raises:
        PostconfError: there is no Postfix.
    """
    done = postconf.run("postfix", "-c", folder, "reload")
    return (postconf.complaint(done) or "postfix reload fails") if done.returncode else ""


def queued(folder: str, domains: Collection[str]) -> list[str]:
    """Return the queue ids of messages that wait for a recipient at ``domains``.

    Raises:
        PostconfError: the queue can't be read.
    """
    queue = postconf.call(folder, "-xh", "queue_directory").strip()
    if not Path(queue, "incoming").is_dir():
        return []  # made by the first start
    done = postconf.run("postqueue", "-c", folder, "-j")
    if done.returncode:
        raise postconf.PostconfError(postconf.complaint(done) or "postqueue fails")
    found = []
    for line in done.stdout.splitlines():
        message = json.loads(line)
        recipients = (each["address"].rpartition("@")[2].lower() for each in message["recipients"])
        if any(domain in domains for domain in recipients):
            found.append(str(message["queue_id"]))
    return found
