"""Read from a message what an application wants to post: octets in, values out, no I/O.

::

    from reply_text import read

    content = read(message, marker="-- reply above this line --")
    post(author=..., text=content.stripped or content.text, files=content.attachments)

``read`` takes a message as an MTA hands it over, and always returns a ``Content``: hostile octets give an odd text, not
an exception, and take no more time than others of their length. It needs nothing of the milter. ``explain`` also says
what each line was taken for. The folder's README.md tells more.

Nothing is judged here: From says who claims to be the author. HTML is as it came; the application must sanitize it
before it shows it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reply_text.encoded_words import decode as decoded
    from reply_text.limits import Limits
    from reply_text.reading import explain, read
    from reply_text.syntax.mailbox import Mailbox
    from reply_text.values import Attachment, Content, Explanation, Flaw, Kind

__all__ = ["Attachment", "Content", "Explanation", "Flaw", "Kind", "Limits", "Mailbox", "decoded", "explain", "read"]

_FROM = {
    "decoded": "encoded_words:decode",
    "Limits": "limits:Limits",
    "explain": "reading:explain",
    "read": "reading:read",
    "Mailbox": "syntax.mailbox:Mailbox",
    **{name: f"values:{name}" for name in ("Attachment", "Content", "Explanation", "Flaw", "Kind")},
}


def __getattr__(name: str) -> object:
    """Load what is asked for (PEP 562): who needs the syntax of mail alone does not pay for all languages."""
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _FROM[name].partition(":")
    found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), attribute)
    return found
