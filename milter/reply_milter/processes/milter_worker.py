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

from reply_milter.adapters import libmilter, telemetry
from reply_milter.adapters.os.control_channel import ControlChannel
from reply_milter.core.rules.throttle import GuessTable
from reply_milter.wiring.settings import Settings, unpack

log = logging.getLogger(__name__)

# How long a thread waits for the interpreter's lock before it asks for it: callbacks hold it for a fraction of a
# millisecond, so asking sooner only adds switches, 7 % of the CPU time with 32 connections.
_SWITCH_SECONDS = 0.05
_DRAIN_SECONDS = 0.7  # for messages that are on their way when the daemon is told to end


@dataclass(frozen=True, slots=True)
class Shared:
    """What all processes of a daemon share: the guess table's memory and the metrics folder.

    ``canary_address``: the client's IP address by which a worker knows the canary. Nobody can guess it.
    """

    guesses: GuessTable
    metrics_folder: str
    canary_address: str


class MilterRole(Protocol):
    """What a worker does: verify replies, or sign notifications."""

    @property
    def door(self) -> libmilter.MilterCallbacks:
        """The callbacks."""
        ...

    def apply_settings(self, settings: Settings) -> None:
        """Work by ``settings`` from the next message on."""
        ...

    def start(self) -> None:
        """Start what goes on behind the answers."""
        ...

    def finish(self, seconds: float) -> None:
        """No message is on its way any more: finish what is left of it."""
        ...


def run_control_loop(channel: ControlChannel, first: Settings, apply: Callable[[Settings], None]) -> None:
    """Have new settings ``apply``-ed whenever the supervisor sends some; returns when it says to end, or is gone."""
    while (order := channel.next()) is not None:
        try:
            settings = unpack(order).in_place_of(first)
            apply(settings)
            telemetry.log_to_stderr(settings.config.log.json, settings.config.log.level)
            log.info("reloaded")
        except Exception:
            log.exception("not reloaded, the old settings stay")


class MilterWorker:
    """One process that answers the MTA, until it is told to end or its supervisor is gone."""

    def __init__(self, settings: Settings, role: MilterRole, listening: socket.socket, channel: ControlChannel) -> None:
        self._settings = settings
        self._role = role
        self._listening = listening
        self._channel = channel

    def run(self) -> None:
        """Answer until told to end.

        libmilter runs beside the main thread: it blocks HUP, TERM and INT for a moment where it starts, and a signal
        that the main thread blocks is kept for it, though ignored. It would stop, and take the socket of all along.
        """
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._role.door.register()
        libmilter.adopt(self._listening)
        threading.Thread(target=self._answer, name="libmilter", daemon=True).start()
        self._role.start()
        run_control_loop(self._channel, self._settings, self._role.apply_settings)
        self._end()

    def _answer(self) -> None:
        try:
            libmilter.serve()
        finally:
            log.error("libmilter ended by itself")
            os._exit(1)

    def _end(self) -> NoReturn:
        """Let messages that are on their way come to their end."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while not self._role.door.idle and time.monotonic() < deadline:
            time.sleep(0.01)
        self._role.finish(max(0.05, deadline - time.monotonic()))
        os._exit(0)
