"""Several redis-servers that belong together: a Cluster of masters, and a master with replicas that Sentinels watch.

Each has a folder and free ports of its own, and is ended by its process id.
"""

import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from reply_milter.adapters.redis_store.link.target import Place
from tests.support.processes.ports import free_port
from tests.support.stores.redis_process import RedisProcess
from tests.support.stores.redis_under_test import PROGRAM, eventually

NAME = "replies"
DOWN_MS = 400  # after which Sentinels, and a Cluster, give up a server
SLOTS = 16384


class Node(RedisProcess):
    """One redis-server on a port of 127.0.0.1, or a Sentinel; ``settings`` are lines of its file."""

    def __init__(
        self, folder: Path, port: int, *settings: str, sentinel: bool = False, certificate: Path | None = None
    ) -> None:
        side = redis.Redis(
            "127.0.0.1",
            port,
            decode_responses=True,
            socket_timeout=2.0,
            retry=Retry(NoBackoff(), 0),
            ssl=certificate is not None,
            ssl_ca_certs=str(certificate) if certificate else None,
        )
        super().__init__(side)
        self.port = port
        self.folder = folder
        self._file = folder / "redis.conf"
        tls = _tls(certificate, port) if certificate else (f"port {port}",)
        self._lines = (*tls, "bind 127.0.0.1", f"dir {folder}", 'save ""', *settings)
        self._arguments = ("--sentinel",) if sentinel else ()

    def start(self) -> None:
        """Start it with what the last one left, and with the settings that it wrote itself."""
        assert PROGRAM is not None
        if not self._file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file.write_text("\n".join(self._lines) + "\n")
        self._process = subprocess.Popen(
            [PROGRAM, str(self._file), *self._arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        eventually(self.answers)


def _tls(certificate: Path, port: int) -> tuple[str, ...]:
    return (
        "port 0",
        f"tls-port {port}",
        f"tls-cert-file {certificate}",
        f"tls-key-file {certificate.with_suffix('.key')}",
        f"tls-ca-cert-file {certificate}",
        "tls-auth-clients no",
    )


class ClusterUnderTest:
    """Three masters, and replicas of the first; ``start`` takes about a second."""

    def __init__(self, folder: Path, *settings: str, certificate: Path | None = None, replicas: int = 0) -> None:
        count = 3 + replicas
        ports = [free_port() for _ in range(2 * count)]
        nodes = [
            Node(
                folder / str(number),
                ports[number],
                "cluster-enabled yes",
                f"cluster-port {ports[number + count]}",
                f"cluster-node-timeout {DOWN_MS}",
                "cluster-require-full-coverage no",
                "repl-diskless-sync-delay 0",
                *(("tls-cluster yes",) if certificate else ()),
                *settings,
                certificate=certificate,
            )
            for number in range(count)
        ]
        self.nodes, self.replicas = nodes[:3], nodes[3:]
        self._bus = ports[count:]
        self.url = f"redis+cluster://{','.join(f'127.0.0.1:{port}' for port in ports[:3])}"

    def start(self) -> None:
        """Give each a third of the slots, and wait until all know."""
        for node in (*self.nodes, *self.replicas):
            node.start()
        for number, node in enumerate(self.nodes):
            node.command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.command("CLUSTER", "ADDSLOTSRANGE", SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1)
            node.command("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port, self._bus[0])
        for node in self.replicas:
            node.command("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port, self._bus[0])
        eventually(lambda: all(self._complete(node) for node in (*self.nodes, *self.replicas)))
        first = self.nodes[0].command("CLUSTER", "MYID")
        for node in self.replicas:
            eventually(lambda node=node: first in node.command("CLUSTER", "NODES"))  # type: ignore[misc]
            node.command("CLUSTER", "REPLICATE", first)
            eventually(lambda node=node: node.command("ROLE")[3] == "connected")  # type: ignore[misc]

    def _complete(self, node: Node) -> bool:
        told = str(node.command("CLUSTER", "SLOTS"))
        is_whole = "cluster_state:ok" in node.command("CLUSTER", "INFO")
        return is_whole and all(str(other.port) in told for other in self.nodes)

    def stop(self) -> None:
        """End all."""
        for node in (*self.nodes, *self.replicas):
            node.stop()

    def owner(self, key: str) -> Node:
        """Who had a key at the start."""
        slot = self.slot(key)
        return next(node for number, node in enumerate(self.nodes) if slot < SLOTS * (number + 1) // len(self.nodes))

    def other(self, node: Node) -> Node:
        """One that it is not."""
        return next(one for one in self.nodes if one is not node)

    def slot(self, key: str) -> int:
        """Of a key."""
        return int(self.nodes[0].command("CLUSTER", "KEYSLOT", key))

    def move(self, slot: int, source: Node, target: Node, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Move a slot with its keys, as `redis-cli --cluster reshard` does; ``meanwhile`` when half of it is done."""
        source_id, target_id = source.command("CLUSTER", "MYID"), target.command("CLUSTER", "MYID")
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        for key in source.command("CLUSTER", "GETKEYSINSLOT", slot, 1000):
            source.command("MIGRATE", "127.0.0.1", target.port, key, 0, 1000)
        meanwhile()
        for node in (target, source, *(node for node in self.nodes if node not in (target, source))):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", target_id)
        eventually(self._agrees)

    def _agrees(self) -> bool:
        """Whether all have the same record: who moves slots again before that makes two that each name the other."""
        records = {tuple(sorted(self._record(node))) for node in self.nodes}
        return len(records) == 1

    def _record(self, node: Node) -> list[str]:
        lines = [line.split() for line in str(node.command("CLUSTER", "NODES")).splitlines()]
        return [" ".join((words[0], words[6], *words[8:])) for words in lines]


class SentinelsUnderTest:
    """A master, a replica, and three Sentinels; ``start`` takes about a second."""

    def __init__(
        self,
        folder: Path,
        *settings: str,
        sentinel_settings: tuple[str, ...] = (),
        certificate: Path | None = None,
    ) -> None:
        ports = [free_port() for _ in range(5)]
        replication = ("tls-replication yes",) if certificate else ()
        common = (*replication, "repl-diskless-sync-delay 0", "repl-timeout 5", *settings)
        self.first = Node(folder / "first", ports[0], *common, certificate=certificate)
        self.second = Node(
            folder / "second", ports[1], f"replicaof 127.0.0.1 {ports[0]}", *common, certificate=certificate
        )
        watch = (
            f"sentinel monitor {NAME} 127.0.0.1 {ports[0]} 2",
            f"sentinel down-after-milliseconds {NAME} {DOWN_MS}",
            f"sentinel failover-timeout {NAME} 3000",
            *replication,
            *sentinel_settings,
        )
        self.sentinels = [
            Node(folder / f"sentinel{number}", port, *watch, sentinel=True, certificate=certificate)
            for number, port in enumerate(ports[2:])
        ]
        self.url = f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in ports[2:])}/{NAME}"

    def start(self) -> None:
        """Wait until the replica is in step, and the Sentinels know it and each other."""
        for node in (self.first, self.second, *self.sentinels):
            node.start()
        for sentinel in self.sentinels:  # otherwise they learn it from each other within two seconds
            sentinel.command("SENTINEL", "DEBUG", "publish-period", 100, "info-period", 200, "ask-period", 100)
        eventually(lambda: self.second.command("INFO", "replication").get("master_link_status") == "up")
        eventually(lambda: all(self._ready(sentinel) for sentinel in self.sentinels))

    def _ready(self, sentinel: Node) -> bool:
        record = sentinel.command("SENTINEL", "MASTER", NAME)
        return int(record["num-other-sentinels"]) == 2 and int(record["num-slaves"]) == 1

    def stop(self) -> None:
        """End all."""
        for node in (*self.sentinels, self.first, self.second):
            node.stop()

    def place(self, sentinel: Node) -> Place:
        """Whom a Sentinel names."""
        host, port = sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return Place(host, int(port))

    def fail_over_to(self, node: Node) -> None:
        """Have a Sentinel promote it; one that refuses, or gives up, as on a busy machine, is asked again."""
        first = self.sentinels[0]

        def named() -> bool:
            if self.place(first).port == node.port:
                return True
            with suppress(redis.ResponseError):  # on its way, or no good replica yet
                first.command("SENTINEL", "FAILOVER", NAME)
            return False

        eventually(named, 60)
        self.agree_on(node)

    def agree_on(self, node: Node) -> None:
        """Wait until all running Sentinels name it, and it is a master."""
        running = [sentinel for sentinel in self.sentinels if sentinel.answers()]
        eventually(lambda: all(self.place(sentinel).port == node.port for sentinel in running), 20)
        eventually(lambda: node.command("ROLE")[0] == "master", 20)
