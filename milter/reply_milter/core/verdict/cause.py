"""What stands behind a reason, for operators."""

from enum import StrEnum


class Cause(StrEnum):
    """Which check stands behind a reason that covers several. For operators: clients hear one text for all of them."""

    CHECKSUM = "checksum"
    FORM = "form"  # of a native key
    STRANGER = "unknown_user"  # to an application's source
    SPELLING = "spelling"  # of a native key that is good
    SOURCE = "source"  # of an application's users, which gives no answer
    HANDLER = "handler"
    FUTURE = "future"
    USER_DISABLED = "user_disabled"
    TOKEN = "token"  # noqa: S105 # no secret
    USER = "user"
    OBJECT = "object"
    BEFORE = "before"
    WRONG_AUTHORS = "wrong_authors"  # too many others wrote to the address: further guesses are not allowed
