"""Reply addresses for Python applications that write their own notifications.

    from email.message import EmailMessage
    from reply_milter import mint

    minter = mint.Minter.load("/etc/reply-milter/reply-milter.toml")

    message = EmailMessage()
    message["From"] = "shop@example.com"
    message["To"] = "jane@example.com"
    message["Subject"] = "A comment on issue 2351"
    message.set_content("...")
    minter.prepare(message, "issue", user=42, locator="go-gitea/gitea/issue/2351", to="jane@example.com")

Does in the application what sign mode does in the MTA: the application holds the master keys. Needs no milter library
and no store; on a host without those, ``pip install --no-deps reply-milter`` with idna is enough.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage, Message
from email.policy import EmailPolicy
from pathlib import Path

from reply_milter import config as configuration
from reply_milter.adapters.keyfile import KeyFileError, load_master_keys
from reply_milter.adapters.os.clock import WallClock
from reply_milter.config import Config, ConfigError
from reply_milter.core.mail import domain
from reply_milter.core.notification.prepare import id_for_number
from reply_milter.core.token.address import MAILBOX, RESERVED, AddressForm
from reply_milter.core.token.keyring import REALM, Keyring, KeyState, MasterKey
from reply_milter.core.token.mint import MESSAGE_ID_FORM, MintError, Order, mint
from reply_milter.core.token.token import HANDLER_LIMIT
from reply_milter.core.verdict.handler import HANDLER_NAME, ContextKind, Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.wiring import loading
from reply_text.syntax.message_ids import identifiers

__all__ = ["ConfigError", "MintError", "Minted", "Minter", "handler"]

_UNIQUE_OCTETS = 5
_SECRET_OCTETS = 32


@dataclass(frozen=True, slots=True)
class Minted:
    """A reply address. ``message_id`` with brackets; ``issued`` and ``expires`` in Unix seconds.

    For an integer context, ``message_id`` binds nothing: send the notification with it, or with one of your own.
    """

    address: str
    message_id: str
    issued: int
    expires: int
    user: int
    context: int


def handler(number: int, name: str, context: str = "thread", validity_days: int = 90) -> Handler:
    """Describe what replies are for, as a ``[[handler]]`` of the configuration does. ``context``: thread or integer.

    Raises:
        MintError: ``context`` is neither, or the configuration would refuse the number or the name.
    """
    if not 0 <= number < HANDLER_LIMIT or not HANDLER_NAME.fullmatch(name):
        raise MintError(f"a handler has a number of 0 to {HANDLER_LIMIT - 1}, and a name of 1 to 32 of a-z0-9._-")
    if context not in list(ContextKind):
        raise MintError("the context is thread or integer")
    return Handler(number, name, ContextKind(context), validity_days, True, "", Policy())


class Minter:
    """Mints for one realm. ``secret``: the active master key, 32 octets. Safe to share between threads."""

    def __init__(
        self,
        realm: str,
        secret: bytes,
        mint_domain: str,
        handlers: Iterable[Handler],
        mailbox: str = "reply",
        delimiter: str = "+",
    ) -> None:
        """Make a minter without a configuration file; all values must be those of the host that verifies.

        Raises:
            MintError: the key is not 32 octets, or realm, mailbox, delimiter or domain are such as no file may name.
        """
        ascii_domain = domain.to_ascii(mint_domain) or ""
        if not REALM.fullmatch(realm):
            raise MintError("a realm is 1 to 64 of A-Za-z0-9._-")
        if len(secret) != _SECRET_OCTETS:
            raise MintError(
                f"a master key is {_SECRET_OCTETS} octets: bytes.fromhex() reads the 64 digits of keys.toml"
            )
        if not domain.is_host_name(ascii_domain):
            raise MintError("the mint domain is no domain name")
        if (mailbox and not MAILBOX.fullmatch(mailbox)) or ".." in mailbox or mailbox in RESERVED:
            raise MintError("the mailbox must be one that [address] may name")
        form = AddressForm(mailbox, delimiter, ascii_domain, frozenset({ascii_domain}))
        given = list(handlers)
        if len({one.id for one in given}) < len(given) or len({one.name for one in given}) < len(given):
            raise MintError("two handlers have the same number or name")
        if delimiter not in ("+", "-") or form.too_long:
            raise MintError("the delimiter must be + or -, and the mailbox at most 15 characters")
        self._use(Keyring(realm, (MasterKey("active", KeyState.ACTIVE, secret),)), form, Handlers.of(given))

    def _use(self, keyring: Keyring, form: AddressForm, handlers: Handlers) -> None:
        self._keyring, self._form, self._handlers = keyring, form, handlers

    @classmethod
    def load(cls, path: str) -> "Minter":
        """Load a configuration file and the master keys that it names; the seal key is not needed.

        Load again after ``keys promote``.

        Raises:
            ConfigError: a file that is missing, unreadable, or wrong; a line for each mistake.
        """
        config = _config(path)
        try:
            keys = load_master_keys(str(Path(path).resolve().parent / config.keys.file))
        except KeyFileError as error:
            raise ConfigError(error.problems) from None
        made = cls.__new__(cls)
        made._use(Keyring(config.realm, keys), config.form, config.handlers)
        return made

    def mint(
        self,
        handler: str,
        user: int,
        *,
        context: int | None = None,
        message_id: str = "",
        locator: str = "",
        to: str = "",
        at: int | None = None,
    ) -> Minted:
        """Mint an address by which ``user`` can answer one thing. ``at``: Unix seconds, in place of the current time.

        Give one of ``context`` (your own number), ``message_id`` (of the notification) and ``locator`` (from which a
        Message-ID is made). ``to``: the address that the notification goes to; replies from another are a mismatch.

        Raises:
            MintError: no such handler, a number out of range, a malformed id, locator or address; says what to do.
        """
        if sum(map(bool, (context is not None, message_id, locator))) > 1:
            raise MintError("give one of context, message_id and locator: each says what is answered")
        found = self._handlers.named(handler)
        if found is None:
            raise MintError(f"there is no handler {handler!r}")
        now = WallClock().now() if at is None else at
        order = Order(user, now, context, message_id, locator, to, secrets.token_hex(_UNIQUE_OCTETS))
        minted = mint(order, found, self._keyring, self._form)
        token = minted.token
        identifier = minted.message_id or id_for_number(order, found, self._form)
        return Minted(minted.address, f"<{identifier}>", token.issued_at, minted.expires, token.user, token.context)

    def prepare(
        self,
        message: EmailMessage | Message,
        handler: str,
        user: int,
        *,
        locator: str = "",
        context: int | None = None,
        to: str = "",
    ) -> Minted:
        """Mint for ``message`` and write into it what a mail client needs for an answer, as sign mode does.

        Sets Reply-To. Keeps a Message-ID that is there, which a thread handler binds, else adds one; adds it to
        References. Sets Auto-Submitted where there is none. Send ``message`` to one recipient, and pass that as ``to``.

        Raises:
            MintError: as ``mint``; the message is then unchanged.
        """
        given = _given_id(message)
        threaded = given and context is None
        minted = self.mint(
            handler,
            user,
            context=context,
            message_id=given if threaded else "",
            locator="" if threaded else locator,
            to=to,
        )
        _write(message, minted, given)
        return minted


def _given_id(message: EmailMessage | Message) -> str:
    """Return the Message-ID of the message, with brackets; empty for none."""
    values = message.get_all("Message-ID", [])
    if len(values) > 1:
        raise MintError("a message has at most one Message-ID")
    if not values:
        return ""
    ids = identifiers(str(values[0]), limit=2)
    if len(ids) != 1:
        raise MintError(MESSAGE_ID_FORM)
    return f"<{ids[0]}>"


def _write(message: EmailMessage | Message, minted: Minted, given: str) -> None:
    identifier = given or minted.message_id
    references = str(message["References"] or "").split()
    del message["Reply-To"], message["References"]
    message["Reply-To"] = minted.address
    if not given:
        del message["Message-ID"]
        message["Message-ID"] = identifier
    if identifier not in references:
        references.append(identifier)
    message["References"] = _References(" ".join(references))
    if "Auto-Submitted" not in message:
        message["Auto-Submitted"] = "auto-generated"


class _References(str):
    """A list of ids as a header object of the email package, which would write one that is longer than a line in
    encoded words (RFC 2047), where no client looks for ids.
    """

    name = "References"

    def fold(self, *, policy: EmailPolicy) -> str:
        """One id a line."""
        return f"References: {f'{policy.linesep} '.join(self.split())}{policy.linesep}"


def _config(path: str) -> Config:
    try:
        return configuration.parse(loading.read(path))
    except ConfigError as error:
        problems = [problem if problem.startswith(path) else f"{path}: {problem}" for problem in error.problems]
        raise ConfigError(problems) from None
