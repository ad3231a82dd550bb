"""The user of a message that the delivery hook keeps, told so that no pseudo-user is taken for a real one."""

from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.wrapping.pseudo_users import shown_user

_NOBODY = "-"


def user_members(user: int | None, handler: str, handlers: Handlers) -> dict[str, int | None]:
    """The members of JSON: ``user`` is never a pseudo-user's number."""
    if not _is_wrapped(handler, handlers):
        return {"user": user, "pseudo_user": None}
    return {"user": None, "pseudo_user": user or None}


def user_words(user: int | None, handler: str, handlers: Handlers) -> str:
    """The words. What came to an application's own address bears the user 0, and is nobody's."""
    wrapped = _is_wrapped(handler, handlers)
    return _NOBODY if user is None or (wrapped and not user) else shown_user(user, wrapped)


def _is_wrapped(name: str, handlers: Handlers) -> bool:
    handler = handlers.named(name)
    return handler is not None and handler.wrap is not None
