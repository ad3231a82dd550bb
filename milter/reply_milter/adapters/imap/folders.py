"""Names of folders as the server wants them: its own divider, its prefix, modified UTF-7 (RFC 3501 section 5.1.3)."""

from imapclient.imap_utf7 import encode

from reply_milter.adapters.imap.client import errors_told, shown
from reply_milter.adapters.imap.session import Session
from reply_milter.ports.mailbox import MailboxRefusedError

TRASH = b"\\Trash"  # RFC 6154
_FOLDERS_LISTED = 2000  # among which a trash is looked for


class Folders:
    """Folders at one server. Asks for divider and prefix once per connection."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._made: set[str] = set()
        self._divider, self._prefix = self._asked()

    def name(self, folder: str) -> str:
        """Return the name of a folder in its quotes, for a command. Its levels are divided by ``/``."""
        return quoted(encode(self._full(folder)).decode("ascii"))

    def make(self, folder: str, anew: bool = False) -> None:
        """Make a folder unless it is there. Looks once per connection; with ``anew``, again.

        Raises:
            MailboxRefusedError: it can't be made.
        """
        if folder in self._made and not anew:
            return
        name = self.name(folder)
        if not self._is_there(name):
            answer = self._session.plain("making a folder", "CREATE", name)
            if not answer.ok and not self._is_there(name):  # another fetcher may have made it just now
                raise MailboxRefusedError(f'the server makes no folder "{folder}": {shown(answer.words)}')
            self._session.plain("making a folder", "SUBSCRIBE", name)
        self._made.add(folder)

    def trash(self) -> str | None:
        """Return the name of the folder that the server marks as trash, in quotes, for a command; None without one."""
        self._session.begin()
        with errors_told("looking for the trash"):
            listed = self._session.client.list_folders()
            marked = [name for flags, _, name in listed[:_FOLDERS_LISTED] if TRASH in flags]
            return quoted(encode(marked[0]).decode("ascii")) if marked else None

    def is_there(self, folder: str) -> bool:
        """Return whether a folder is there."""
        return self._is_there(self.name(folder))

    def _is_there(self, name: str) -> bool:
        answer = self._session.plain("looking for a folder", "LIST", '""', name)
        found = self._session.wire.untagged_responses.get("LIST", [])
        return answer.ok and any("\\nonexistent" not in str(one).lower() for one in found)

    def _full(self, folder: str) -> str:
        levels = folder.split("/")
        if levels[0].upper() == "INBOX":
            return self._divider.join(["INBOX", *levels[1:]])
        path = self._divider.join(levels)
        return path if path.startswith(self._prefix) else self._prefix + path

    def _asked(self) -> tuple[str, str]:
        """Ask for the divider of levels, and for the prefix of the user's own folders (RFC 2342)."""
        self._session.begin()
        with errors_told("asking for the folders"):
            if self._session.client.has_capability("NAMESPACE"):
                personal = self._session.client.namespace().personal
                if personal:
                    prefix, divider = personal[0]
                    return _divider(divider), str(prefix)
            listed = self._session.client.list_folders("", "")
            return _divider(listed[0][1] if listed else None), ""


def quoted(name: str) -> str:
    """Return a quoted string (RFC 3501 section 9). ``name`` holds no line end: it is modified UTF-7."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _divider(found: str | bytes | None) -> str:
    """Return what divides levels; a server without levels gets one name of all."""
    text = found.decode("ascii") if isinstance(found, bytes) else found
    return text if text and len(text) == 1 and text.isprintable() else "-"
