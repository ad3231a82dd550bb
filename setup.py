"""Compile the way of a reply with mypyc, where REPLY_MILTER_COMPILED=1 asks for it. pyproject.toml has all the rest.

docs/performance.md says what that gains, and ``make compiled`` does it.
"""

import os

from setuptools import Extension, setup

COMPILED = """
    reply_milter/adapters/libmilter: answers callbacks session
    reply_milter/adapters/milter_loop: accepting asking client_address connection hooks logged loop question question_pool session spreading steps
    reply_milter/adapters/os: clock
    reply_milter/core/encoding: base32 tlv
    reply_milter/core/mail: domain fingerprint headers message_id
    reply_milter/core/milter_protocol: answers arguments options order packets
    reply_milter/core/native: claimant forms gitea gob known moodle verification
    reply_milter/core/notification: application
    reply_milter/core/rules: authentication authentication_results auto_reply dkim_signature message thread
    reply_milter/core/seal: tagging verdict_header
    reply_milter/core/token: address keyring token verify
    reply_milter/core/verdict: answer cause handler policy reasons verdict
    reply_milter/core/wrapping: keys native plain unwrap
    reply_milter/flows: driving service
    reply_milter/flows/verifying: answering arrival claiming direct inbound judgement native recipient sealing settling standing throttling transaction weighing
    reply_milter/ports: asking conversation store telemetry
    reply_text/syntax: comments mailbox message_ids
"""


def paths() -> list[str]:
    """The modules to compile, from the project's folder."""
    rooms = [line.split(":") for line in COMPILED.strip().splitlines()]
    return [f"milter/{room.strip()}/{name}.py" for room, names in rooms for name in names.split()]


def extensions() -> list[Extension]:
    """One shared library, so that calls between these modules are C calls, and an entry to it per module."""
    if os.environ.get("REPLY_MILTER_COMPILED", "0") != "1":
        return []
    from mypyc.build import mypycify  # of the extra `compiled`; nothing else needs it

    return mypycify(paths(), group_name="reply_milter", opt_level="2", debug_level="0", strip_asserts=False)


if __name__ == "__main__":
    setup(ext_modules=extensions())
