"""The state of the daemon as ``top`` shows it: what its pages say now, or why they say nothing."""

from dataclasses import dataclass

from reply_milter.adapters.telemetry.page_reader import Samples


@dataclass(frozen=True, slots=True)
class State:
    """``problems``: what keeps the host from taking replies, or why that is unknown. Ages in seconds, None for never.

    ``enforcing`` is None where the page was not read.
    """

    problems: tuple[str, ...] = ()
    answers: bool = False
    version: str = ""
    enforcing: bool | None = None
    store_up: bool | None = None
    store_bytes: float | None = None
    canary_age: float | None = None
    canary_seconds: float = 0.0
    parked: float | None = None
    parked_bytes: float | None = None
    connections: float | None = None
    processes: tuple[int, int] = (0, 0)
    restarts: int = 0


def state_of(samples: Samples, problems: list[str], now: float) -> State:
    """Take the state from a page; ``now`` in Unix seconds."""
    success = samples.total("canary_last_success_timestamp_seconds")
    processes = samples.by("process_up", "process")
    store = samples.by("redis_up", "server")
    return State(
        problems=tuple(problems),
        answers=True,
        version=next(iter(samples.by("build_info", "version")), ""),
        enforcing=bool(samples.total("enforcing")),
        store_up=all(store.values()) if store else None,
        store_bytes=samples.total("redis_memory_used_bytes"),
        canary_age=max(0.0, now - success) if success else None,
        canary_seconds=samples.total("canary_interval_seconds") or 0.0,
        parked=samples.total("parked"),
        parked_bytes=samples.total("parked_bytes"),
        connections=samples.total("connections"),
        processes=(sum(value > 0 for value in processes.values()), len(processes)),
        restarts=int(samples.total("process_restarts_total") or 0),
    )


def silent(why: str) -> State:
    """Return the state where no page can be read."""
    return State(problems=(why,))
