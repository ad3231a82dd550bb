"""Rewrite the header of one notification for one handler: each field that the preset names, and no other."""

from collections.abc import Callable, Iterable

from reply_milter.core.mail import message_id
from reply_milter.core.wrapping.outward_draft import Draft
from reply_milter.core.wrapping.outward_fields import FieldError, rewrite_addresses, rewrite_ids, rewrite_links
from reply_milter.core.wrapping.outward_keys import Keys, natives_in
from reply_milter.core.wrapping.outward_minting import Minted
from reply_milter.core.wrapping.outward_thread import usable_id
from reply_milter.core.wrapping.pattern import DELIMITERS
from reply_milter.core.wrapping.wrap import Wrap
from reply_text.syntax.mailbox import mailboxes

_LINKS = ("list-post", "list-unsubscribe", "list-subscribe", "list-help", "list-owner", "list-archive")
_ONE_CLICK = "list-unsubscribe-post"
IDS = ("references", "in-reply-to")
Mint = Callable[[str], Minted]  # by the native address, its domain in lower case


class Rewriting:
    """``draft``, being rewritten. ``natives``: the native addresses that stand in it, in any reading, and their keys.

    ``minted``: what took the place of which native address.
    """

    def __init__(self, draft: Draft, wrap: Wrap, mint: Mint) -> None:
        self.draft, self._wrap, self._mint = draft, wrap, mint
        links = () if wrap.is_for_everybody else _LINKS
        self._addresses = ("reply-to", "from") if wrap.preset.from_has_key else ("reply-to",)
        self._taken_off = dict(self._found(("from", *links) if wrap.preset.from_has_key else links))
        self.natives = dict(self._found(self._addresses)) | self._taken_off
        self.keys = Keys(self.natives.values())
        self.minted: dict[str, Minted] = {}

    @property
    def is_needed(self) -> bool:
        """Whether an address of the application stands where its notifications have one."""
        preset = self._wrap.preset
        if preset.from_has_key:
            return any(True for _ in self._found(("from",)))
        return bool(self.natives) or self._is_added

    def run(self) -> None:
        """Rewrite it.

        Raises:
            FieldError: it can't be done.
        """
        added = self._author() if self._wrap.preset.from_has_key or self._is_added else ""
        self._each(("reply-to",), lambda value: rewrite_addresses(value, self._ours, self.keys.stand_in))
        if self._wrap.preset.from_has_key:
            self._each(("from",), lambda value: rewrite_addresses(value, self._without_key, self.keys.stand_in))
        if added and not self.draft.where("reply-to"):
            self.draft.add("Reply-To", self._ours(added) or "")
        self._take_off()
        self._add_capsules()

    def left_over(self) -> str:
        """The name of a field in which a native address or a key still stands; empty where none does."""
        for name in self._addresses:
            if any(True for _ in self._found((name,))):
                return name
        kept = {name.lower() for name in self._wrap.preset.keeps_key_in}
        return Keys(self._keys_of_originals()).field_with_one(self.draft.standing(), but_for=kept)

    def _keys_of_originals(self) -> Iterable[str]:
        """The keys that must be gone: of what was replaced, or taken off.

        An address that stood in a display name alone is its author's choice: it must not stop the notification where
        the same name stands in From, too. If nothing was replaced, all of them count.
        """
        matches = [self._wrap.address.match(native) for native in self.minted]
        replaced = [matched.key for matched in matches if matched is not None]
        return [*replaced, *self._taken_off.values()] if replaced else self.natives.values()

    def _found(self, names: Iterable[str]) -> Iterable[tuple[str, str]]:
        values = [value for name in names for value in self.draft.values(name)]
        return (found for value in values for found in natives_in(value, self._wrap.address))

    @property
    def _is_added(self) -> bool:
        """Whether From is the address that everybody writes to, and nothing says that answers go elsewhere."""
        to_everybody = self._wrap.is_for_everybody and not self.draft.where("reply-to")
        return to_everybody and bool(self._author())

    def _author(self) -> str:
        """The native address in From; empty where there is none."""
        authors = [author for value in self.draft.values("from") for author in mailboxes(value)]
        return next((author for author in authors if self._wrap.address.match(author)), "")

    def _ours(self, address: str) -> str | None:
        if self._wrap.address.match(address) is None:
            return None
        local, _, domain = address.rpartition("@")
        native = f"{local}@{domain.lower()}"
        if native not in self.minted:
            self.minted[native] = self._mint(native)
        return self.minted[native].address

    def _without_key(self, address: str) -> str | None:
        """The address without its key and the delimiter before that: mail to it is refused."""
        matched = self._wrap.address.match(address)
        if matched is None:
            return None
        local, _, domain = address.rpartition("@")
        before, _, after = local.rpartition(matched.key)
        bare = (before[:-1] if before[-1:] in DELIMITERS else before) + after
        if not bare:
            raise FieldError("From is a key and nothing else")
        return f"{bare}@{domain}"

    def _take_off(self) -> None:
        preset = self._wrap.preset
        for name in preset.remove:
            for position in self.draft.where(name.lower()):
                self.draft.drop(position)
        if self._wrap.address.has_key:
            self._each(_LINKS, lambda value: rewrite_links(value, self.keys.stand_in))
        if "list-unsubscribe" in self.draft.changed and "<http" not in "".join(self.draft.values("list-unsubscribe")):
            for position in self.draft.where(_ONE_CLICK):  # it promises a link that is no longer there (RFC 8058)
                self.draft.drop(position)
        if preset.drop_references:
            self._each(IDS, lambda value: rewrite_ids(value, self.keys.stand_in))

    def _add_capsules(self) -> None:
        """Put the capsules below all other ids, each on a line of its own; where there are none, below the parent's."""
        written = "\n\t".join(f"<{one.capsule}>" for one in self.minted.values() if one.capsule)
        if not written:
            return
        for position in self.draft.where("references"):
            self.draft.put(position, f"{self.draft.value(position).rstrip()}\n\t{written}")
            return
        parent = usable_id("".join(self.draft.values("in-reply-to")))
        self.draft.add("References", f"<{parent}>\n\t{written}" if parent else written)

    def _each(self, names: Iterable[str], change: Callable[[str], str]) -> None:
        for name in names:
            for position in self.draft.where(name):
                value = change(self.draft.value(position))
                if value:
                    self.draft.put(position, value)
                else:
                    self.draft.drop(position)


def own_id(draft: Draft, queue_id: str) -> str:
    """The Message-ID that the application gave, without brackets; empty where it gave none that a reply could name."""
    identifier = usable_id("".join(draft.values("message-id")))
    return "" if message_id.is_made_up(identifier, queue_id) else identifier
