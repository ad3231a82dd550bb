"""One connection of the MTA: its commands cut out of what arrives, and carried out in order."""

import logging
from collections.abc import Callable
from typing import Any, Final, final

from reply_milter.adapters.milter_loop.client_address import client_address
from reply_milter.adapters.milter_loop.hooks import Hooks
from reply_milter.adapters.milter_loop.steps import Steps
from reply_milter.core.milter_protocol import order
from reply_milter.core.milter_protocol.answers import CONTINUE
from reply_milter.core.milter_protocol.arguments import client, field, first
from reply_milter.core.milter_protocol.options import TO_VERIFY, Step, accepted, offer
from reply_milter.core.milter_protocol.order import ENDS_MESSAGE, Place
from reply_milter.core.milter_protocol.packets import MACROS, Command, Incoming, packet

log = logging.getLogger(__name__)

_HELO: Final = int(Place.HELO)
_MOST_COMMANDS: Final = 100  # in one go: whoever sends thousands without waiting keeps the others waiting for so many
_C, _H, _M, _R, _T, _N, _E = b"CHMRTNE"


@final
class Session:
    """``is_gone``: asks whether the MTA has hung up. ``has_ended``: nothing more of this connection is carried out."""

    __slots__ = ("_commands", "_hooks", "_incoming", "_moves", "_place", "has_ended", "steps")

    def __init__(self, hooks: Hooks, is_gone: Callable[[], bool]) -> None:
        self._hooks = hooks
        self._incoming = Incoming()
        self._commands: list[Command] = []
        self._place = int(Place.START)
        self._moves = order.moves(order.UNNEGOTIATED)
        self.steps = Steps(hooks, is_gone)
        self.has_ended = False

    @property
    def has_more(self) -> bool:
        """Whether commands are left that could be carried out now: call ``proceed``, after the others' turn."""
        return bool(self._commands) and self.steps.question is None and not self.has_ended

    def take(self, octets: bytes) -> None:
        """Take what the MTA has sent, and carry out the commands that are complete by now."""
        commands = self._incoming.feed(octets)
        if self._commands:
            self._commands += commands
        else:
            self._commands = commands
        self.proceed()

    def proceed(self) -> None:
        """Carry out commands that have arrived, until one waits for the store, or there were many."""
        commands, steps = self._commands, self.steps
        done = 0
        for letter, data in commands:
            if done == _MOST_COMMANDS or steps.question is not None or self.has_ended:
                break
            done += 1
            if letter == MACROS and data:
                steps.macros.define(data)
                continue
            move = self._moves.get(self._place << 8 | letter)
            if move is None:
                self.has_ended = True
            elif move < 0:
                self._pass_over()
            else:
                self._place = move & ~ENDS_MESSAGE
                if move >= ENDS_MESSAGE and steps.in_message:
                    steps.abort()
                _CARRY_OUT[letter](self, data)
        del commands[:done]
        if self._incoming.is_broken and not commands and steps.question is None:
            self.has_ended = True

    def answered(self, answer: Any, failure: Exception | None) -> None:
        """Take the store's answer; go on with what has arrived meanwhile."""
        self.steps.answered(answer, failure)
        if self.steps.question is None:
            self.proceed()

    def close(self) -> None:
        """Forget what is on its way. With a question open, call it again when that is answered."""
        self.has_ended = True
        self._commands.clear()
        if self.steps.question is None:
            self.steps.hang_up()

    def _pass_over(self) -> None:
        self._place = _HELO
        if self.steps.in_message:
            self.steps.abort()

    def _negotiate(self, data: bytes) -> None:
        """Choose what is needed of what the MTA offers. Without SKIP or no-reply support we answer each step.

        Refuse the session of an MTA that allows no header edits: it would get 451 for each reply.
        """
        offered = offer(data)
        if offered is None or not offered.edits_headers:
            if offered is not None:
                log.error("the MTA does not allow header edits (SMFIF_ADDHDRS, SMFIF_CHGHDRS): session refused")
            self.has_ended = True
            return
        chosen = TO_VERIFY.choose(offered.steps, self._hooks.over_tcp, self._hooks.accepts_early())
        self.steps.chosen, self._moves = chosen, order.moves(chosen)
        data = accepted(offered, offered.actions & TO_VERIFY.actions, chosen)
        self.steps.answers.append(packet(b"O", data))

    def _connect(self, data: bytes) -> None:
        found = client(data)
        address = client_address(found) if found is not None else None
        if address is None:
            self.has_ended = True
            return
        self.steps.macros.begin(_C)
        self.steps.begin(address)
        self.steps.go_on(unless=Step.SILENT_CONNECT)

    def _helo(self, _data: bytes) -> None:
        self.steps.macros.begin(_H)
        self.steps.answers.append(CONTINUE)

    def _unknown(self, _data: bytes) -> None:
        self.steps.answers.append(CONTINUE)

    def _mail(self, data: bytes) -> None:
        sender = first(data)
        if sender is None:
            self.has_ended = True
            return
        self.steps.macros.begin(_M)
        self.steps.mail(sender)

    def _rcpt(self, data: bytes) -> None:
        recipient = first(data)
        if recipient is None:
            self.has_ended = True
            return
        self.steps.macros.begin(_R)
        self.steps.rcpt(recipient)

    def _data(self, _data: bytes) -> None:
        self.steps.macros.begin(_T)
        self.steps.data()
        self._leave_if_over()

    def _leave_if_over(self) -> None:
        if self.steps.is_over:
            self.steps.is_over = False
            self._place = _HELO

    def _header(self, data: bytes) -> None:
        found = field(data)
        if found is None:
            self.has_ended = True
        elif not self.steps.is_unread:
            self.steps.header(*found)
            if self.steps.is_over:
                self._leave_if_over()

    def _end_of_header(self, _data: bytes) -> None:
        self.steps.macros.begin(_N)
        self.steps.go_on(unless=Step.SILENT_END_OF_HEADER)

    def _body(self, data: bytes) -> None:
        self.steps.body(data)
        self._leave_if_over()

    def _end_of_message(self, data: bytes) -> None:
        self.steps.macros.begin(_E)
        self.steps.end_of_message(data)

    def _abort(self, _data: bytes) -> None:
        self.steps.abort()

    def _quit(self, _data: bytes) -> None:
        self.has_ended = True

    def _quit_for_another(self, _data: bytes) -> None:
        """Let the MTA's next client use the connection. Nothing of the last one is left."""
        self.steps.hang_up()
        self.steps.macros.clear()


_CARRY_OUT: Final[dict[int, Callable[[Session, bytes], None]]] = {
    ord("O"): Session._negotiate,
    ord("C"): Session._connect,
    ord("H"): Session._helo,
    ord("U"): Session._unknown,
    ord("M"): Session._mail,
    ord("R"): Session._rcpt,
    ord("T"): Session._data,
    ord("L"): Session._header,
    ord("N"): Session._end_of_header,
    ord("B"): Session._body,
    ord("E"): Session._end_of_message,
    ord("A"): Session._abort,
    ord("Q"): Session._quit,
    ord("K"): Session._quit_for_another,
}
