"""The errors of Redis, each with one of a fixed set of words for metrics."""

import ssl

import redis

NoScriptError = redis.exceptions.NoScriptError
ReadOnlyError = redis.exceptions.ReadOnlyError
RedirectError = redis.exceptions.AskError  # MOVED is one of them
MovedError = redis.exceptions.MovedError
ClusterDownError = redis.exceptions.ClusterDownError


class BreakerOpenError(Exception):
    """The breaker is open: nothing was sent to the server."""


class DiscoveryError(Exception):
    """No Sentinel or node says where the server is."""


_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (redis.exceptions.TimeoutError, "timeout"),
    (redis.exceptions.BusyLoadingError, "loading"),
    (redis.exceptions.ReadOnlyError, "readonly"),
    (redis.exceptions.OutOfMemoryError, "oom"),
    (redis.exceptions.AuthenticationError, "auth"),
    (redis.exceptions.NoPermissionError, "auth"),
    (redis.exceptions.MasterDownError, "masterdown"),
    (redis.exceptions.ClusterDownError, "clusterdown"),
    (redis.exceptions.TryAgainError, "tryagain"),
    (redis.exceptions.AskError, "moved"),
    (redis.exceptions.ConnectionError, "connection"),
    (redis.exceptions.ResponseError, "response"),
    (TimeoutError, "timeout"),
    (OSError, "connection"),
    (BreakerOpenError, "breaker"),
    (DiscoveryError, "discovery"),
)
# Answers that redis-py has no class for.
_WORDS = {"NOREPLICAS": "noreplicas", "MISCONF": "misconf"}
ERROR_KINDS = (*dict.fromkeys(kind for _, kind in _KINDS), *_WORDS.values(), "certificate", "tls", "other")
KNOWN = (redis.exceptions.RedisError, OSError, ValueError, TypeError, BreakerOpenError, DiscoveryError)
LOST = frozenset({"timeout", "connection", "certificate", "tls"})  # the server gave no answer
MISPLACED = LOST | {
    "readonly",
    "moved",
    "clusterdown",
    "masterdown",
    "breaker",
}  # another server may have its place by now
DEMOTED = frozenset({"readonly", "masterdown"})
_CAUSES = 4  # of an error, followed back; redis-py names the first only in its text
REFUSALS = (redis.exceptions.ResponseError, redis.exceptions.BusyLoadingError)


def kind_of(error: Exception) -> str:
    """Return one of ERROR_KINDS."""
    kind = next((kind for known, kind in _KINDS if isinstance(error, known)), "other")
    if kind == "connection":
        return _of_tls(error) or kind
    return _WORDS.get(str(error).partition(" ")[0], kind) if kind == "response" else kind


def _of_tls(error: BaseException | None) -> str:
    """Return the kind of a TLS failure; empty for any other connection error.

    A server that wants another client certificate says so in an alert after the handshake.
    """
    for _ in range(_CAUSES):
        if isinstance(error, ssl.SSLCertVerificationError):
            return "certificate"
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return "tls"
        if error is None:
            break
        error = error.__cause__ or error.__context__
    return ""
