"""Names that are ours in main.cf and master.cf, and values that refer to them."""

import re
from typing import Final

_NAMES: Final = (
    r"reply_(?:domain|mail_base|nexthop|handler_queues|in|out|milter|sign_milter|dkim_signer|application_[a-z]{1,32})"
)
_SETTING: Final = re.compile(rf"{_NAMES}|reply-delivery_[a-z_]{{1,64}}", re.ASCII)
_REFERENCE: Final = re.compile(rf"\$[({{]?{_NAMES}(?![A-Za-z0-9_])", re.ASCII)
_SMTPD: Final = re.compile(r"\$[({]?smtpd_milters\b", re.ASCII)

DELIVERY, CLEANUP = "reply-delivery/unix", "cleanup-sign/unix"
SERVICES: Final = frozenset({DELIVERY, CLEANUP})


def is_ours(name: str) -> bool:
    """Return whether the setting ``name`` of main.cf is one of contrib/postfix, and none of Postfix itself."""
    return _SETTING.fullmatch(name) is not None


def refers_to_ours(text: str) -> bool:
    """Return whether a value holds a reference such as ``$reply_milter``."""
    return _REFERENCE.search(text) is not None


def inherits_smtpd(value: str) -> bool:
    """Return whether a list of milters takes in that of smtpd, and ours with it."""
    return _SMTPD.search(value) is not None
