"""Sends the canaries, one after the other, at the interval of the settings in force."""

import logging
import secrets
import threading
import time
from collections.abc import Callable

from reply_milter.adapters import telemetry
from reply_milter.adapters.clients.milter_client import MilterClient
from reply_milter.adapters.native_sources import Sources
from reply_milter.adapters.os.clock import WallClock
from reply_milter.config.places import Listener
from reply_milter.core.native.verification import LinesFile, Query
from reply_milter.core.token.canary import canary_handler
from reply_milter.core.token.token import CONTEXT_LIMIT
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.wrapping.canary import wrapped_canary_handler
from reply_milter.flows import canary, native_canary, wrapped_canary
from reply_milter.flows.native_canary import native_canaries
from reply_milter.ports.canary import CanaryFailure
from reply_milter.processes.milter_worker import Shared
from reply_milter.wiring.natives import wanted_sources
from reply_milter.wiring.settings import Settings

log = logging.getLogger(__name__)

_SECONDS = 5.0  # for one connection, not counting the store, which may take its time-out twice
_UNIQUE_OCTETS = 16

Send = Callable[[telemetry.CanaryCounter, Settings], None]


class Canaries:
    """Three at most: for the verify socket, for wrapped applications, and for those whose addresses are verified.

    ``plain``, ``wrapped`` and ``native`` count them; None where the sockets that they need are not on this host.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        shared: Shared,
        plain: telemetry.CanaryCounter | None,
        wrapped: telemetry.CanaryCounter | None,
        native: telemetry.CanaryCounter | None,
    ) -> None:
        self._settings, self._shared = settings, shared
        self._clock = WallClock()
        self._changed = threading.Event()
        self._natives, self._wanted_natives = Sources({}), dict[int, LinesFile | Query]()
        known = ((plain, self._send_plain), (wrapped, self._send_wrapped), (native, self._send_native))
        self._sent: list[tuple[telemetry.CanaryCounter, Send]] = [
            (counter, send) for counter, send in known if counter is not None
        ]

    def start(self) -> None:
        """Begin to send them, if there are any."""
        if self._sent:
            threading.Thread(target=self._run, name="canary", daemon=True).start()

    def settings_changed(self) -> None:
        """Look at the interval again."""
        self._changed.set()

    def intervals(self) -> tuple[int, int, int]:
        """Seconds between two of each kind; 0 where none is sent."""
        config = self._settings().config
        seconds, handlers = config.canary.interval_seconds, config.handlers
        plain = config.verify.place is not None and canary_handler(handlers) is not None
        wrapped = plain and config.sign.place is not None and wrapped_canary_handler(handlers) is not None
        native = config.verify.place is not None and bool(native_canaries(handlers))
        return seconds if plain else 0, seconds if wrapped else 0, seconds if native else 0

    def _run(self) -> None:
        last = -1e9  # monotonic seconds
        while True:
            seconds = self._settings().config.canary.interval_seconds
            wait = last + seconds - time.monotonic() if seconds else None
            if wait is None or wait > 0:
                self._changed.wait(wait)
                self._changed.clear()
                continue
            last = time.monotonic()
            for counter, send in self._sent:
                _send(send, counter, self._settings())

    def _send_plain(self, counter: telemetry.CanaryCounter, settings: Settings) -> None:
        config, handler = settings.config, canary_handler(settings.config.handlers)
        if config.verify.place is None or handler is None:
            return
        canary.send(
            canary.CanaryService(
                handler=handler,
                keyring=settings.keyring,
                form=config.form,
                clock=self._clock,
                telemetry=counter,
                connect=self._connecting(settings, config.verify.place),
                context=lambda: secrets.randbelow(CONTEXT_LIMIT),
            )
        )

    def _send_wrapped(self, counter: telemetry.CanaryCounter, settings: Settings) -> None:
        config, handler = settings.config, wrapped_canary_handler(settings.config.handlers)
        if config.verify.place is None or config.sign.place is None or handler is None:
            return
        wrapped_canary.send(
            wrapped_canary.WrappedCanaryService(
                handler=handler,
                seal_keys=settings.seal_keys,
                form=config.form,
                clock=self._clock,
                telemetry=counter,
                sign=self._connecting(settings, config.sign.place),
                verify=self._connecting(settings, config.verify.place),
                unique=lambda: secrets.token_hex(_UNIQUE_OCTETS),
            )
        )

    def _send_native(self, counter: telemetry.CanaryCounter, settings: Settings) -> None:
        config, handlers = settings.config, native_canaries(settings.config.handlers)
        if config.verify.place is None or not handlers:
            return
        wanted = wanted_sources(Handlers.of(handlers))
        if wanted != self._wanted_natives:
            self._natives, self._wanted_natives = Sources(wanted), wanted
        self._natives.look()
        connect = self._connecting(settings, config.verify.place)
        service = native_canary.NativeCanaryService(handlers, self._natives, self._clock, counter, connect)
        native_canary.send(service)

    def _connecting(self, settings: Settings, place: Listener) -> Callable[[], MilterClient]:
        """Return what connects to a socket as the canary."""
        at, address = place.socket, self._shared.canary_address
        seconds = _SECONDS + 2 * settings.config.store.timeout_ms / 1000
        return lambda: MilterClient(at.path, at.host, at.port, address, seconds)


def _send(send: Send, counter: telemetry.CanaryCounter, settings: Settings) -> None:
    try:
        send(counter, settings)
    except Exception as error:
        log.exception("cannot send a canary")
        counter.failed(CanaryFailure.INTERNAL, type(error).__name__)
