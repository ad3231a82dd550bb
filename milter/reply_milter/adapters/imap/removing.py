"""Takes one message out of the mailbox, and never another: MOVE, or COPY and UID EXPUNGE; never a plain EXPUNGE.

A plain EXPUNGE would remove what others marked as deleted, too (RFC 3501 section 6.4.3).
"""

from typing import Final

from reply_milter.adapters.imap.client import shown
from reply_milter.adapters.imap.folders import Folders
from reply_milter.adapters.imap.session import Answer, Session
from reply_milter.ports.mailbox import Capabilities, MailboxRefusedError, MailboxUnavailableError, Removal

KEYWORD: Final = "$ReplyMilter"  # of messages that are done, and can't be taken out


class Remover:
    """Removes messages through one session.

    ``archives``: a deleted message stays elsewhere, as at Gmail, so it must go into the trash. ``instead``: the folder
    for messages to delete where the server can only move.
    """

    def __init__(
        self, session: Session, folders: Folders, capabilities: Capabilities, archives: bool, instead: str
    ) -> None:
        self._session = session
        self._folders = folders
        self._capabilities = capabilities
        self._archives = archives
        self._instead = instead
        self._trash: str | None = None

    def move(self, uid: int, folder: str) -> Removal:
        """See ``ports.mailbox.Mailbox``."""
        if not (self._capabilities.move or self._capabilities.uidplus):
            return self._mark(uid)
        self._folders.make(folder)
        answer = self._moved(uid, self._folders.name(folder))
        if not answer.ok:  # somebody may have removed the folder
            self._folders.make(folder, anew=True)
            answer = self._moved(uid, self._folders.name(folder))
        return self._removal(answer, f'the folder "{folder}" takes no message')

    def delete(self, uid: int) -> Removal:
        """See ``ports.mailbox.Mailbox``."""
        if self._archives and self._capabilities.move and (trash := self._trash_of_server()):
            return self._removal(self._moved(uid, trash), "the trash takes no message")
        if self._capabilities.uidplus:
            return Removal.REMOVED if self._expunged(uid) else Removal.GONE
        return self.move(uid, self._instead)

    def _moved(self, uid: int, name: str) -> Answer:
        """Move to a folder by its ``name`` in quotes."""
        if self._capabilities.move:
            return self._session.by_uid("moving a message", "MOVE", str(uid), name)
        answer = self._session.by_uid("copying a message", "COPY", str(uid), name)
        copied = self._session.code("COPYUID")
        if answer.ok and (copied is not None or self._is_there(uid)):
            self._expunged(uid)
            self._session.wire.untagged_responses["COPYUID"] = [copied or b""]
        return answer

    def _removal(self, answer: Answer, refusal: str) -> Removal:
        if not answer.ok:
            raise MailboxRefusedError(f"{refusal}: {shown(answer.words)}")
        if self._capabilities.uidplus and self._session.code("COPYUID") is None:
            return Removal.GONE
        return Removal.REMOVED

    def _expunged(self, uid: int) -> bool:
        """Delete a message for good; False if it is gone already."""
        session = self._session
        marked = session.by_uid("deleting a message", "STORE", str(uid), "+FLAGS", "(\\Deleted)")
        _checked(marked)
        there = any(one is not None for one in marked.data)
        _checked(session.by_uid("deleting a message", "EXPUNGE", str(uid)))
        return there

    def _mark(self, uid: int) -> Removal:
        """Set our keyword, if the mailbox may have one: a search leaves the message out. It stays where it is."""
        if self._capabilities.keywords:
            _checked(self._session.by_uid("marking a message", "STORE", str(uid), "+FLAGS", f"({KEYWORD})"))
        return Removal.MARKED

    def _is_there(self, uid: int) -> bool:
        found = self._session.by_uid("looking for a message", "FETCH", str(uid), "(UID)")
        return any(one is not None for one in found.data)

    def _trash_of_server(self) -> str | None:
        self._trash = self._trash or self._folders.trash()
        return self._trash


def _checked(answer: Answer) -> None:
    if not answer.ok:
        raise MailboxUnavailableError(f"the server changes no message: {shown(answer.words)}")
