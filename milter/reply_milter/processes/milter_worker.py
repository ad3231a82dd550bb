"""One process that answers the MTA, on a listening socket that it shares with its siblings."""

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, Protocol

from reply_milter.adapters import telemetry
from reply_milter.adapters.os.control_channel import ControlChannel
from reply_milter.core.rules.throttle import GuessTable
from reply_milter.wiring.settings import Settings, unpack

log = logging.getLogger(__name__)

# How long a thread waits for the interpreter's lock before it asks for it. Callbacks hold it for a fraction of a
# millisecond, so asking sooner only adds switches: 7 % of the CPU time with 32 connections.
_SWITCH_SECONDS = 0.05
_DRAIN_SECONDS = 0.7  # for messages in progress when the daemon ends


@dataclass(frozen=True, slots=True)
class Shared:
    """What all processes of a daemon share: the guess table's memory and the metrics folder.

    ``canary_address``: the client's IP address by which a worker recognises the canary. It cannot be guessed.
    ``connections``: how many each worker has, where they spread them themselves.
    """

    guesses: GuessTable
    connections: memoryview
    metrics_folder: str
    canary_address: str


class Milter(Protocol):
    """Speaks the milter protocol with MTAs."""

    @property
    def idle(self) -> bool:
        """Whether no message is on its way."""
        ...

    def prepare(self, listening: socket.socket) -> None:
        """Get ready to answer on ``listening``. Once, before other threads start."""
        ...

    def serve(self) -> None:
        """Answer. It returns only after an error."""
        ...


class MilterRole(Protocol):
    """What a worker does: verify replies, or sign notifications."""

    @property
    def milter(self) -> Milter:
        """What answers MTAs for it."""
        ...

    def apply_settings(self, settings: Settings) -> None:
        """Apply ``settings`` from the next message on."""
        ...

    def start(self) -> None:
        """Start the threads that work in the background."""
        ...

    def finish(self, seconds: float) -> None:
        """Finish what earlier messages left to do, within ``seconds``; no message is in progress any more."""
        ...


def run_control_loop(channel: ControlChannel, first: Settings, apply: Callable[[Settings], None]) -> None:
    """Call ``apply`` for new settings from the supervisor; return when it orders the end, or has died."""
    while (packed := channel.next()) is not None:
        try:
            settings = unpack(packed).in_place_of(first)
            apply(settings)
            telemetry.log_to_stderr(settings.config.log.json, settings.config.log.level)
            log.info("reloaded")
        except Exception:
            log.exception("not reloaded, the old settings stay in force")


class MilterWorker:
    """One process that answers the MTA until its supervisor orders the end, or dies."""

    def __init__(self, settings: Settings, role: MilterRole, listening: socket.socket, channel: ControlChannel) -> None:
        self._settings = settings
        self._role = role
        self._listening = listening
        self._channel = channel

    def run(self) -> None:
        """Answer until the supervisor orders the end.

        The milter runs in a thread of its own. libmilter blocks HUP, TERM and INT for a moment at its start. A signal
        that the main thread blocks stays pending although it is ignored; libmilter would then stop, and remove the
        socket that all workers share.
        """
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._role.milter.prepare(self._listening)
        threading.Thread(target=self._answer, name="milter", daemon=True).start()
        self._role.start()
        run_control_loop(self._channel, self._settings, self._role.apply_settings)
        self._end()

    def _answer(self) -> None:
        try:
            self._role.milter.serve()
        except Exception:
            log.exception("the milter has an error of its own")
        finally:
            log.error("the milter ended unexpectedly")
            os._exit(1)

    def _end(self) -> NoReturn:
        """Wait for messages in progress, then exit."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while not self._role.milter.idle and time.monotonic() < deadline:
            time.sleep(0.01)
        self._role.finish(max(0.05, deadline - time.monotonic()))
        os._exit(0)
