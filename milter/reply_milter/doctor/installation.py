"""What ``doctor`` examines: an installation on this host, its files, its store and its daemon."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from reply_milter.adapters import keyfile
from reply_milter.adapters.clients import lmtp_probe, milter_client, probes
from reply_milter.adapters.os import file_facts, process_facts
from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.redis_store import RedisInspection, embedded, url_mistake
from reply_milter.adapters.state_dir import lock, wrapped_mark
from reply_milter.adapters.telemetry import page_access
from reply_milter.config.places import Listener
from reply_milter.config.secrets import held_secrets
from reply_milter.core.diagnosis import clock, daemon, keys, secrets, sockets, store, wrapped
from reply_milter.core.diagnosis import page_access as page_rules
from reply_milter.core.diagnosis import settings as settings_rules
from reply_milter.core.diagnosis import signing as signing_rules
from reply_milter.core.diagnosis.endpoint import Endpoint
from reply_milter.core.diagnosis.files import Account, Kind
from reply_milter.core.diagnosis.problem import SHELL, Problem, Remedy, error, not_examined
from reply_milter.core.diagnosis.sockets import HOOK, Client
from reply_milter.core.encoding.toml_lines import lines_of
from reply_milter.core.token.keyring import MasterKey
from reply_milter.doctor.key_file import problems_of
from reply_milter.doctor.mailboxes import examine_mailboxes
from reply_milter.doctor.native_sources import examine_sources, verifications
from reply_milter.doctor.state_folder import examine_state
from reply_milter.wiring import loading
from reply_milter.wiring.stores import store_url

_USER = "reply-milter"  # the user that packages and units create
_SENDMAIL = "/etc/mail/sendmail.cf"
_ANSWER_SECONDS = 2.0
_UNTRUSTED = "reply_milter_notifications_untrusted_total"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost", ""})


class Installation:
    """One host's installation. Each method examines one area and yields its problems.

    Raises:
        ConfigError: the configuration cannot be read at all.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        text = loading.read(path)
        self.config, self._mistakes = loading.parse(path, text)
        self._lines = lines_of(text)
        self._holder = lock.daemon_of(Path(self.config.state_dir))
        self._answering = {name: answers(name, place) for name, place in self.listeners().items()}
        self._runs = self._holder is not None or any(self._answering.values())
        self._account = self._find_account()
        host, port = self.config.metrics.listen
        self._page = probes.metrics_page(host, port) if port else (daemon.Answer.NONE, "")

    def listeners(self) -> dict[str, Listener]:
        """Return where the MTA connects to, by the name of the table."""
        hook = self.config.delivery
        places = {
            "verify": self.config.verify.place,
            "sign": self.config.sign.place,
            HOOK: hook.place if hook else None,
        }
        return {name: place for name, place in places.items() if place is not None and place.socket}

    @property
    def areas(self) -> tuple[str, ...]:
        """The areas that only some installations have."""
        native = ("native",) if any(verifications(self.config.handlers)) else ()
        return (*native, "imap") if self.config.imap else native

    def _find_account(self) -> Account | None:
        """Return the daemon's user: of the running one, else the owner of its state folder, else that of packages."""
        number = process_facts.user(self._holder) if self._holder else None
        if number is not None:
            return file_facts.owner(number)
        folder = file_facts.facts(self.config.state_dir)
        owner = file_facts.owner(folder.owner) if folder.there else None
        return owner if owner and owner.user else file_facts.account(_USER) or owner

    def examine(self, client: Client | None) -> Iterator[Problem]:
        """Examine everything but the MTA's settings; ``client`` is the Postfix that connects."""
        yield from self._settings()
        yield from self._keys()
        hidden = not self._runs and file_facts.facts(f"{self.config.state_dir}/lock").kind is Kind.HIDDEN
        yield from daemon.examine(daemon.DaemonFacts(None if hidden else self._runs, self._descriptors()))
        yield from examine_state(self.config.state_dir, self._account)
        yield from self._store_and_clock()
        yield from self._sockets(client)
        yield from self._metrics()
        yield from self._page_access()
        yield from examine_mailboxes(self.config, self._account)

    def _settings(self) -> Iterator[Problem]:
        config = self.config
        sign = config.sign
        url = url_mistake(store_url(config))
        for problem in [*self._mistakes, *([f"store.url: {url}"] if url else [])]:
            yield error(
                "config.mistake",
                loading.placed(self._path, problem, self._lines),
                "the daemon can't start, or keeps its old settings",
            )
        yield from settings_rules.examine(
            settings_rules.SettingsFacts(
                warnings=[text for text in config.warnings if text not in sign.warnings],
                observe=config.policy.observe,
                accepts_without_store=config.store.accepts_without,
                peers=config.verify.peers,
                trusted=sign.trusted,
                metrics_local=config.metrics.listen[0] in _LOOPBACK,
            )
        )
        yield from signing_rules.examine(
            signing_rules.SigningFacts(
                sign.place is not None,
                sign.trusted,
                sign.applications,
                str(sign.place.socket) if sign.place and sign.is_open else "",
                daemon.count_of(_UNTRUSTED, self._page[1]),
            )
        )
        yield from wrapped.examine(config.handlers.wrapped, wrapped_mark.noted(config.state_dir), WallClock().now())
        held = tuple(held_secrets(config))
        yield from secrets.examine(file_facts.facts(self._path), held, self._account)
        yield from examine_sources(config.handlers, self._account)

    def _keys(self) -> Iterator[Problem]:
        master, seal = self._key_file(self.config.keys.file), self._key_file(self.config.keys.seal_file)
        problems = tuple(problems_of(keyfile.parse_seal_keys, seal))
        yield from keys.examine_file(
            keys.KeyFile(file_facts.facts(seal), file_facts.parents(seal), problems, True), self._account
        )
        problems = tuple(problems_of(keyfile.parse_master_keys, master))
        yield from keys.examine_file(
            keys.KeyFile(file_facts.facts(master), file_facts.parents(master), problems), self._account
        )
        yield from self._application_secrets()
        longest = self.config.handlers.longest_validity_days
        yield from keys.examine_rotation(self._master_keys(), WallClock().now(), longest)

    def _application_secrets(self) -> Iterator[Problem]:
        for application in self.config.sign.applications:
            if application.secret_file:
                path = self._key_file(application.secret_file)
                problems = tuple(problems_of(keyfile.parse_application_secret, path))
                yield from keys.examine_file(
                    keys.KeyFile(file_facts.facts(path), file_facts.parents(path), problems, True, "minting addresses"),
                    self._account,
                )

    def _key_file(self, name: str) -> str:
        return str(Path(self._path).resolve().parent / name)

    def _master_keys(self) -> tuple[MasterKey, ...]:
        """Return the master keys; none if their file has a mistake."""
        path = self._key_file(self.config.keys.file)
        try:
            return keyfile.parse_master_keys(Path(path).read_bytes().decode(), path)
        except (OSError, ValueError, keyfile.KeyFileError):
            return ()

    def _descriptors(self) -> int | None:
        return process_facts.descriptors(self._holder) if self._holder else None

    def _store_and_clock(self) -> Iterator[Problem]:
        config, clock_of_store = self.config, None
        is_embedded = config.store.is_embedded
        if is_embedded and embedded.program() is None:
            yield error(
                "store.program",
                "there is no redis-server on this host",
                "the embedded store can't be started",
                Remedy(SHELL, "apt-get install redis-server"),
            )
        if is_embedded and not self._runs:
            yield not_examined("store", "the embedded store runs with the daemon")
        elif not url_mistake(store_url(config)):
            inspection = RedisInspection(store_url(config))
            several = inspection.look_at_all()
            for found in several:
                problems = store.examine(found, config.store.timeout_ms, is_embedded)
                yield from problems if len(several) == 1 else store.of_one(found.server, problems)
            yield from store.examine_topology(inspection.topology())
            clock_of_store = min((found.unix for found in several if found.unix is not None), default=None)
            if clock_of_store is None and any(found.seconds is not None for found in several):
                yield not_examined("clock", "the Redis user may not use TIME, so the two clocks were not compared")
        written = [
            file_facts.facts(self._key_file(name)).modified for name in (config.keys.file, config.keys.seal_file)
        ]
        yield from clock.examine(
            clock.ClockFacts(WallClock().now(), clock_of_store, tuple(written)), self._master_keys()
        )

    def _sockets(self, client: Client | None) -> Iterator[Problem]:
        for name, listener in self.listeners().items():
            place, answers = endpoint(listener), self._answering[name]
            found = sockets.SocketFacts(name, place, answers, sendmail=self._sendmail())
            if place.path:
                refused = ""
                if client is not None and answers and sockets.within_reach(place, client):
                    refused = probes.refused_as(client.account, place.path, client.queue_directory)
                file, parents = file_facts.facts(place.path), file_facts.parents(place.path)
                found = replace(found, file=file, parents=parents, refused=refused)
            yield from sockets.examine(found, client, self._runs)

    def _sendmail(self) -> str:
        """Return the configuration of a Sendmail on this host; empty if there is none."""
        return _SENDMAIL if file_facts.facts(_SENDMAIL).there else ""

    def _metrics(self) -> Iterator[Problem]:
        host, port = self.config.metrics.listen
        if port:
            yield from daemon.examine_metrics(f"{host}:{port}", self._page[0], self._runs)

    def _page_access(self) -> Iterator[Problem]:
        access = self.config.metrics
        named = {key: getattr(access, key) for key in ("tls_cert", "tls_key", "password_file")}
        files = tuple(
            page_rules.PageFile(key, file_facts.to_read(path), file_facts.parents(path))
            for key, path in named.items()
            if path
        )
        problems = tuple(page_access.mistakes(**named))
        expires = page_access.expiry(access.tls_cert) if access.tls_cert else None
        yield from page_rules.examine(
            page_rules.AccessFacts(files, problems, expires), self._account, WallClock().now()
        )


def endpoint(place: Listener) -> Endpoint:
    """Return where a socket is, links resolved."""
    return Endpoint(file_facts.real(place.socket.path), place.socket.host, str(place.socket.port))


def answers(name: str, place: Listener) -> bool:
    """Return whether the daemon answers at a socket; ``name``: of the table that has it."""
    at = place.socket
    return (lmtp_probe.greets if name == HOOK else milter_client.negotiates)(at.path, at.host, at.port, _ANSWER_SECONDS)
