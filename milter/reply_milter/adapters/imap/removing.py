"""Takes messages out of the mailbox, and never another: MOVE, or COPY and UID EXPUNGE; never a plain EXPUNGE.

A plain EXPUNGE would remove what others marked as deleted, too (RFC 3501 section 6.4.3). Several messages leave in one
command. MOVE may fail in the middle (RFC 6851 section 3.3), so those that COPYUID does not name are tried one by one.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from reply_milter.adapters.imap.answers import copied_in, told_of, uid_set
from reply_milter.adapters.imap.client import shown
from reply_milter.adapters.imap.folders import Folders
from reply_milter.adapters.imap.session import Answer, Session
from reply_milter.ports.mailbox import Capabilities, MailboxRefusedError, MailboxUnavailableError, Refusal, Removal

KEYWORD: Final = "$ReplyMilter"  # of messages that are done, and can't be taken out
_AT_ONCE: Final = 100  # UIDs in a command: its line stays below 2,000 octets
_MOVING: Final = "moving messages"

Outcomes = dict[int, Removal | Refusal]


class _Target(NamedTuple):
    """Where messages go: a folder's ``name`` in quotes; ``make`` makes it if somebody removed it meanwhile."""

    name: str
    make: Callable[[], None]
    refusal: str


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

    def move(self, uids: Sequence[int], folder: str) -> Outcomes:
        """See ``ports.mailbox.Mailbox``."""
        if not (self._capabilities.move or self._capabilities.uidplus):
            return self._mark(uids)
        try:
            self._folders.make(folder)
        except MailboxRefusedError as error:
            return dict.fromkeys(uids, Refusal(str(error)))
        make, refusal = lambda: self._folders.make(folder, anew=True), f'the folder "{folder}" takes no message'
        return self._all_moved(uids, _Target(self._folders.name(folder), make, refusal))

    def delete(self, uids: Sequence[int]) -> Outcomes:
        """See ``ports.mailbox.Mailbox``."""
        if self._archives and self._capabilities.move and (trash := self._trash_of_server()):
            return self._all_moved(uids, _Target(trash, lambda: None, "the trash takes no message"))
        if not self._capabilities.uidplus:
            return self.move(uids, self._instead)
        there = {uid for few in _pieces(uids) for uid in self._expunged(few)}
        return {uid: Removal.REMOVED if uid in there else Removal.GONE for uid in uids}

    def _all_moved(self, uids: Sequence[int], target: _Target) -> Outcomes:
        found: Outcomes = {}
        for few in _pieces(uids):
            answer, moved = self._moved(few, target.name)
            found |= self._told(few, moved) if answer.ok else dict.fromkeys(moved or (), Removal.REMOVED)
            if not answer.ok:
                found |= self._moved_apart([uid for uid in few if uid not in found], target)
        return found

    def _moved_apart(self, uids: Sequence[int], target: _Target) -> Outcomes:
        """Move messages one by one, after the server refused to move them together."""
        try:
            target.make()
        except MailboxRefusedError as error:
            return dict.fromkeys(uids, Refusal(str(error)))
        found: Outcomes = {}
        for uid in uids:
            answer, moved = self._moved((uid,), target.name)
            refusal = Refusal(f"{target.refusal}: {shown(answer.words)}")
            found |= self._told((uid,), moved) if answer.ok else {uid: refusal}
        return found

    def _moved(self, uids: Sequence[int], name: str) -> tuple[Answer, set[int] | None]:
        """Move to a folder by its ``name`` in quotes. Returns with the answer who was moved; None: it doesn't say."""
        if self._capabilities.move:
            answer = self._session.by_uid(_MOVING, "MOVE", uid_set(uids), name)
            return answer, self._copied(uids) if self._capabilities.uidplus else None
        answer = self._session.by_uid("copying messages", "COPY", uid_set(uids), name)
        copied = self._copied(uids)
        if answer.ok and not self._session.codes("COPYUID"):
            copied = self._there(uids)
        if answer.ok and copied:
            self._expunged(sorted(copied))
        return answer, copied if answer.ok else set()

    def _copied(self, uids: Sequence[int]) -> set[int]:
        return copied_in(self._session.codes("COPYUID"), _MOVING, uids)

    def _told(self, uids: Sequence[int], moved: set[int] | None) -> Outcomes:
        return {uid: Removal.REMOVED if moved is None or uid in moved else Removal.GONE for uid in uids}

    def _expunged(self, uids: Sequence[int]) -> set[int]:
        """Delete messages for good; return those that were still there."""
        doing = "deleting messages"
        marked = self._session.by_uid(doing, "STORE", uid_set(uids), "+FLAGS", "(\\Deleted)")
        _checked(marked)
        there = told_of(marked, doing, uids)
        _checked(self._session.by_uid(doing, "EXPUNGE", uid_set(uids)))
        return there

    def _mark(self, uids: Sequence[int]) -> Outcomes:
        """Set our keyword, if the mailbox may have one: a search leaves the messages out. They stay where they are."""
        for few in _pieces(uids) if self._capabilities.keywords else ():
            _checked(self._session.by_uid("marking messages", "STORE", uid_set(few), "+FLAGS", f"({KEYWORD})"))
        return dict.fromkeys(uids, Removal.MARKED)

    def _there(self, uids: Sequence[int]) -> set[int]:
        doing = "looking for messages"
        found = self._session.by_uid(doing, "FETCH", uid_set(uids), "(UID)")
        return told_of(found, doing, uids)

    def _trash_of_server(self) -> str | None:
        self._trash = self._trash or self._folders.trash()
        return self._trash


def _pieces(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (uids[start : start + _AT_ONCE] for start in range(0, len(uids), _AT_ONCE))


def _checked(answer: Answer) -> None:
    if not answer.ok:
        raise MailboxUnavailableError(f"the server changes no message: {shown(answer.words)}")
