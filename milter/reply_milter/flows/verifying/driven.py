"""One SMTP client, verified by a thread that waits for the store's answers."""

from collections.abc import Callable
from typing import Final, final

from reply_milter.core.verdict.verdict import Verdict
from reply_milter.flows.driving import drive
from reply_milter.flows.service import Service
from reply_milter.flows.verifying.inbound import Connection
from reply_milter.ports import NO_LOGIN, Login


@final
class DrivenConnection:
    """Implements ``ports.Conversation`` by ``Connection``. The store of its service answers."""

    def __init__(self, service: Callable[[], Service], client: str) -> None:
        self._connection: Final = Connection(service, client)

    def mail(self, sender: str, login: Login = NO_LOGIN) -> None:
        """See ``ports.Conversation``."""
        self._connection.mail(sender, login)

    def rcpt(self, argument: str, resolved: str | None, over_smtp: bool, queue_id: str = "") -> Verdict:
        """See ``ports.Conversation``."""
        connection = self._connection
        return drive(connection.rcpt(argument, resolved, over_smtp, queue_id), connection.store)

    def data(self) -> bool:
        """See ``ports.Conversation``."""
        return self._connection.data()

    def header(self, name: str, value: str) -> None:
        """See ``ports.Conversation``."""
        self._connection.header(name, value)

    def body(self, chunk: bytes) -> bool:
        """See ``ports.Conversation``."""
        return self._connection.body(chunk)

    def mark_broken(self) -> None:
        """See ``ports.Conversation``."""
        self._connection.mark_broken()

    def end_of_message(self, queue_id: str) -> Verdict:
        """See ``ports.Conversation``."""
        connection = self._connection
        return drive(connection.end_of_message(queue_id), connection.store)

    def done(self) -> None:
        """See ``ports.Conversation``."""
        self._connection.done()

    def failed(self) -> None:
        """See ``ports.Conversation``."""
        connection = self._connection
        drive(connection.failed(), connection.store)

    def abort(self) -> None:
        """See ``ports.Conversation``."""
        self._connection.abort()
