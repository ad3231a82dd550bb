"""Hand messages over to Discourse and to GitLab by the HTTP calls that their own receivers of mail make."""

import base64
import hashlib
import hmac
import json
import secrets
from urllib.parse import urlencode

from reply_milter import files
from reply_milter.adapters.handlers.http_post import hand_over
from reply_milter.core.delivery.outcome import DeliveryOutcome, Later
from reply_milter.core.delivery.reply import Reply
from reply_milter.core.verdict.destination import Discourse, MailRoom
from reply_milter.ports import Clock
from reply_milter.ports.delivery import Names

_SECRET_OCTETS = 32  # what GitLab reads from its file
_EARLIER = 5  # seconds: GitLab takes no token of the future, and clocks differ
_NONCE_OCTETS = 12
_LONGEST_SECRET = 4096  # octets read of a file


class DiscourseDeliverer:
    """Implements ``ports.delivery.Deliverer``: what discourse/mail-receiver does with a message.

    Discourse answers 200 when the message is queued, also for one that it has seen: it then does nothing.
    """

    name = "discourse"
    description = "POST to /admin/email/handle_mail of a Discourse, with an API key"

    def __init__(self, discourse: Discourse, names: Names) -> None:
        self._discourse = discourse
        self._names = names

    def process(self, reply: Reply) -> DeliveryOutcome:
        """See ``ports.delivery.Deliverer``."""
        given = self._discourse
        try:
            key = _secret_in(given.api_key_file).decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            return Later(f"the API key's file can't be read: {type(error).__name__}")
        if not key or not key.isprintable():
            return Later("the API key's file must hold one line, the key")
        body = urlencode({"email_encoded": base64.b64encode(reply.envelope.message)}).encode()
        fields = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Api-Key": key,
            "Api-Username": given.api_username,
        }
        return hand_over("Discourse", given.url, given.timeout_seconds, body, fields, self._names)


class MailRoomDeliverer:
    """Implements ``ports.delivery.Deliverer``: what GitLab's mail_room does with a message, in its webhook mode.

    GitLab answers 500 while its queue takes nothing; then the message comes again.
    """

    name = "mail_room"
    description = "POST to GitLab's internal API for mail_room, with a signed token"

    def __init__(self, mail_room: MailRoom, clock: Clock, names: Names) -> None:
        self._mail_room = mail_room
        self._clock = clock
        self._names = names

    def process(self, reply: Reply) -> DeliveryOutcome:
        """See ``ports.delivery.Deliverer``."""
        given = self._mail_room
        try:
            secret = base64.b64decode(_secret_in(given.secret_file), validate=True)
        except (OSError, ValueError) as error:
            return Later(f"the secret's file can't be read: {type(error).__name__}")
        if len(secret) != _SECRET_OCTETS:
            return Later(f"the secret's file must hold base64 of {_SECRET_OCTETS} octets, as GitLab's own does")
        fields = {
            "Content-Type": "text/plain",
            "Gitlab-Mailroom-Api-Request": token(secret, self._clock.now(), secrets.token_hex(_NONCE_OCTETS)),
        }
        return hand_over("GitLab", given.url, given.timeout_seconds, reply.envelope.message, fields, self._names)


def _secret_in(path: str) -> bytes:
    """Read a line out of a file that somebody may have replaced by a pipe or a device.

    Raises:
        OSError: it can't be read.
    """
    with open(path, "rb", buffering=0, opener=files.without_waiting) as file:
        return file.read(_LONGEST_SECRET).strip()


def token(secret: bytes, now: int, nonce: str) -> str:
    """Write the JSON Web Token (RFC 7519) that GitLab asks for, signed with HS256 (RFC 7518 section 3.2)."""
    claims = {"nonce": nonce, "iat": now - _EARLIER, "iss": "gitlab-mailroom"}
    signed = b".".join(_part(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "HS256"}, claims))
    return (signed + b"." + _part(hmac.digest(secret, signed, hashlib.sha256))).decode()


def _part(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")
