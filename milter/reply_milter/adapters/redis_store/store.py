"""The store on Redis: one hash per token, one Lua call per claim. Implements ``ports.Store``."""

from collections.abc import Mapping, Sequence

from reply_milter.adapters.redis_store.link.connections import RedisConnections
from reply_milter.adapters.redis_store.link.operation import StoreTelemetry
from reply_milter.adapters.redis_store.link.script import Script
from reply_milter.adapters.redis_store.names import original_key, token_key
from reply_milter.adapters.redis_store.pipeline import Pipeline
from reply_milter.adapters.redis_store.wording import Wording, claimed_in, facts_in
from reply_milter.core.encoding.tlv import tlv
from reply_milter.core.token.verify import Facts
from reply_milter.core.wrapping.plain import StoredOriginal
from reply_milter.ports import Claim, Claimed, StoreUnavailableError, Watcher

OPERATIONS = ("facts", "claim", "release", "commit", "ping")
MINTING_OPERATIONS = ("keep_original",)


class RedisStore:
    """``url`` as ``target.read_url`` takes it; ``timeout_seconds``: for a whole operation, connecting included."""

    def __init__(self, url: str, timeout_seconds: float, realm: str, telemetry: StoreTelemetry | None = None) -> None:
        self._connections = RedisConnections(url, timeout_seconds, telemetry)
        self._wording = Wording(realm)
        self._commit = Script(__package__, "commit")

    def facts(self, user: int, handler: int, context: int, token_id: str, wrapped: bool = False) -> Facts:
        """See ``ports.Store``. One round trip."""
        with self._connections.operation("facts") as call:
            return facts_in(call(*self._wording.facts(user, handler, context, token_id, wrapped)))

    def claim(self, claim: Claim) -> Claimed:
        """See ``ports.Store``. One round trip; in a Cluster, one to each master concerned, at the same time."""
        reads, key, arguments = self._wording.claim(claim)
        with self._connections.operation("claim") as call:
            return claimed_in(self._wording.claiming.run_behind(call, reads, key, *arguments))

    def release(self, claim: Claim) -> None:
        """See ``ports.Store``."""
        with self._connections.operation("release") as call:
            self._wording.releasing.run(call, *self._wording.release(claim))

    def commit(self, identifier: str) -> bool:
        """See ``ports.Store``."""
        token_id, message_tag = identifier[:13], identifier[13:]
        with self._connections.operation("commit", changes=True) as call:
            return bool(self._commit.run(call, token_key(token_id), message_tag))

    def commit_all(self, identifiers: Sequence[str]) -> None:
        """See ``ports.Store``. One round trip; in a Cluster one per master, so that one of them can fail alone."""
        runs = [(token_key(one[:13]), one[13:]) for one in identifiers]
        failure: StoreUnavailableError | None = None
        for part in self._connections.apart([key for key, _ in runs]) if runs else []:
            try:
                with self._connections.operation("commit") as call:
                    self._commit.run_each(call, [runs[number] for number in part])
            except StoreUnavailableError as error:
                failure = error
        if failure is not None:
            raise failure

    def keep_originals(self, originals: Mapping[str, StoredOriginal], kept_until: int) -> None:
        """See ``ports.MintingStore``. One round trip."""
        with self._connections.operation("keep_original") as call:
            call(*(("SET", original_key(one), tlv(*kept), "EXAT", kept_until) for one, kept in originals.items()))

    def pipeline(self, watcher: Watcher) -> Pipeline | None:
        """Return a way to ask without waiting; None where only operations find theirs (TLS, Sentinel, Cluster)."""
        connections = self._connections
        server = connections.plain_server
        if server is None:
            return None
        return Pipeline(server, self._wording, connections.timeout, connections.telemetry, watcher)

    def ping(self) -> None:
        """Raise StoreUnavailableError unless Redis answers and is ready."""
        with self._connections.operation("ping") as call:
            call(("EXISTS", self._wording.names.before))

    def watch(self) -> None:
        """Start the discovery thread, if there are several servers; for processes that never fork."""
        self._connections.watch()

    def close(self) -> None:
        """Close all idle connections."""
        self._connections.close()
