"""The names in third-party libraries that this program relies on, checked before the first use.

Some are private (attributes that begin with ``_``, of redis-py), and a release may remove them or change their meaning.
Then the program ends with one line that says so, instead of a traceback or wrong results. This module imports nothing
of this program: that import could fail for the same reason.
"""

import inspect
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Any

OURS = "reply-milter"
_NAME = re.compile(r"(?P<module>[\w.]+):(?P<path>[\w.()]+?)(?:\[(?P<parameters>[\w,]+)\])?")


class LibraryError(Exception):
    """A library is not what this program was written for; the message says which one, and what to install.

    ``status``: the exit status of a command, of sysexits.h.
    """

    status = os.EX_CONFIG


@dataclass(frozen=True, slots=True)
class Library:
    """``distribution``: its name in pyproject.toml. ``names``: ``MODULE:NAME.NAME``, followed in brackets by the
    parameters that a function or class must take. A name that ends in ``()`` is called: its result must have the rest.
    """

    distribution: str
    names: tuple[str, ...]


_CONNECTION = "redis.connection:Connection()"
LIBRARIES = (
    Library(
        "pymilter",
        (
            *(f"milter:{name}" for name in ("set_flags", "set_exception_policy", "settimeout", "register")),
            *(f"milter:set_{step}_callback" for step in ("connect", "envfrom", "envrcpt", "header", "body", "eom")),
            *(f"milter:{name}" for name in ("set_abort_callback", "set_close_callback", "setconn", "opensocket")),
            *(f"milter:{name}" for name in ("main", "error")),
            *(f"Milter:{name}" for name in ("milter", "CONTINUE", "REJECT", "TEMPFAIL", "DISCARD", "NOREPLY", "SKIP")),
            *(f"Milter:{name}" for name in ("ADDHDRS", "CHGHDRS", "DELRCPT", "QUARANTINE", "error")),
            *(f"Milter:P_{step}" for step in ("NOHELO", "NOUNKNOWN", "NODATA", "NOEOH", "NOBODY", "SKIP")),
            *(f"Milter:P_NR_{step}" for step in ("CONN", "MAIL", "HDR")),
        ),
    ),
    Library(
        "redis",
        (
            "redis.connection:ConnectionPool.from_url",
            f"{_CONNECTION}.connect",
            f"{_CONNECTION}.disconnect",
            f"{_CONNECTION}.socket_timeout",
            f"{_CONNECTION}.socket_connect_timeout",
            f"{_CONNECTION}._connect",
            f"{_CONNECTION}._sock",
            f"{_CONNECTION}._parser.parse_error",
            "redis.connection:Connection.read_response[timeout]",
            "redis.connection:AbstractConnection[protocol,driver_info,retry,retry_on_error,health_check_interval,"
            "socket_read_size]",
            "redis.connection:SSLConnection",
            "redis.connection:UnixDomainSocketConnection",
            "redis.connection:AbstractConnection.disconnect",
            "redis.backoff:NoBackoff",
            "redis.retry:Retry",
            "redis.crc:REDIS_CLUSTER_HASH_SLOTS",
            "redis.crc:key_slot",
            *(
                f"redis.exceptions:{name}Error"
                for name in (
                    "Ask",
                    "Authentication",
                    "BusyLoading",
                    "ClusterDown",
                    "Connection",
                    "MasterDown",
                    "Moved",
                    "NoPermission",
                    "NoScript",
                    "OutOfMemory",
                    "ReadOnly",
                    "Redis",
                    "Response",
                    "Timeout",
                    "TryAgain",
                )
            ),
            "redis.exceptions:InvalidResponse",
        ),
    ),
    Library("hiredis", ("hiredis:pack_command", "hiredis:Reader().feed", "hiredis:Reader().gets")),
    Library(
        "prometheus-client",
        (
            *(f"prometheus_client:{name}" for name in ("Counter", "Gauge", "Histogram", "CollectorRegistry")),
            "prometheus_client:ProcessCollector",
            "prometheus_client:make_wsgi_app",
            "prometheus_client.core:CounterMetricFamily",
            "prometheus_client.core:GaugeMetricFamily",
            "prometheus_client.core:Metric",
            "prometheus_client.mmap_dict:MmapedDict.read_value",
            "prometheus_client.mmap_dict:MmapedDict.write_value",
            "prometheus_client.mmap_dict:MmapedDict.close",
            "prometheus_client.mmap_dict:MmapedDict.read_all_values_from_file",
            "prometheus_client.mmap_dict:mmap_key",
            "prometheus_client.multiprocess:MultiProcessCollector.merge",
            "prometheus_client.registry:Collector",
            "prometheus_client.values:ValueClass",
        ),
    ),
    Library(
        "cryptography",
        (
            "cryptography.x509:load_pem_x509_certificate",
            "cryptography.hazmat.primitives.hashes:SHA256",
            "cryptography.hazmat.primitives.kdf.hkdf:HKDFExpand.derive",
        ),
    ),
    Library("idna", ("idna:decode", "idna:IDNAError", "idna:uts46_remap[std3_rules,transitional]")),
    Library("authres", ("authres:AuthenticationResultsHeader.parse_value", "authres:AuthResError")),
    Library("publicsuffixlist", ("publicsuffixlist:PublicSuffixList.privatesuffix",)),
    Library("tqdm", ("tqdm:tqdm",)),
    Library(
        "aiosmtpd",
        (
            "aiosmtpd.lmtp:LMTP[data_size_limit,enable_SMTPUTF8,hostname,ident,timeout,loop]",
            "aiosmtpd.lmtp:LMTP.line_length_limit",
            "aiosmtpd.lmtp:LMTP.push",
            "aiosmtpd.smtp:Envelope().rcpt_tos",
            "aiosmtpd.smtp:Session",
        ),
    ),
)
HTTPX = Library(  # only webhooks need it, and importing it takes a tenth of a second
    "httpx",
    (
        "httpx:AsyncClient[follow_redirects,trust_env]",
        "httpx:AsyncClient.build_request[content,headers,timeout,extensions]",
        "httpx:AsyncClient.send[stream]",
        *(f"httpx:{name}" for name in ("ConnectError", "ConnectTimeout", "HTTPError", "InvalidURL", "Request")),
        "httpx:Response.aclose",
        "httpx:Timeout[connect]",
        *(f"httpx:URL.{name}" for name in ("copy_with", "host", "netloc", "raw_host")),
    ),
)


def check(*libraries: Library) -> None:
    """Check all names of ``libraries``, by default of those that every command needs.

    Raises:
        LibraryError: a name is missing.
    """
    for library in libraries or LIBRARIES:
        missing = [name for name in library.names if not _is_there(name)]
        if missing:
            raise LibraryError(_message(library.distribution, f"has no {', '.join(_plain(missing))}"))


def problem_apart(library: Library) -> str:
    """Return what ``check`` says of ``library``, empty for nothing; a child process runs it.

    So the supervisor, which does not use the library itself, does not keep it in its memory and its children's.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            check(library)
        except Exception as error:  # noqa: BLE001 # the parent reports it
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as answer:
        problem = answer.read().decode()
    os.waitpid(pid, 0)
    return problem


def unlike(distribution: str, how: str) -> LibraryError:
    """Return the error for a library that behaves differently; ``how`` says it ("counts otherwise")."""
    return LibraryError(_message(distribution, how))


def _is_there(name: str) -> bool:
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name}: must be MODULE:NAME or MODULE:NAME[PARAMETER,...]")
    try:
        thing: Any = import_module(found["module"])
        for step in found["path"].split("."):
            thing = getattr(thing, step.removesuffix("()"))
            thing = thing() if step.endswith("()") else thing
    except (ImportError, AttributeError, TypeError):
        return False
    return found["parameters"] is None or _takes(thing, found["parameters"].split(","))


def _takes(thing: Any, parameters: Iterable[str]) -> bool:
    """Return whether ``thing`` takes ``parameters`` by name; True where Python does not know (C code).

    For a class, the constructors of all its bases count: one with ``**kwargs`` passes them on.
    """
    makers = [vars(base).get("__init__", object) for base in thing.__mro__] if isinstance(thing, type) else [thing]
    known: set[str] = set()
    for maker in makers:
        try:
            known |= inspect.signature(maker).parameters.keys()
        except (TypeError, ValueError):
            return True
    return known.issuperset(parameters)


def _plain(names: Iterable[str]) -> Iterator[str]:
    for name in list(names)[:3]:  # one line, even if everything has changed
        yield name.replace(":", ".").replace("[", " with ").replace("]", "")


def _message(distribution: str, how: str) -> str:
    good = _required(distribution)
    return (
        f"{distribution} {_version(distribution)} {how}: this program was written for {distribution}{good}; "
        f"install that (pip install '{distribution}{good}'), or the reply-milter package with its own libraries"
    )


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _required(distribution: str) -> str:
    """Return the versions that pyproject.toml requires, from our own metadata."""
    try:
        lines = metadata.requires(OURS) or []
    except metadata.PackageNotFoundError:
        return ""
    for line in lines:
        found = re.match(rf"{re.escape(distribution)}(?:\[[\w,]*\])?\s*(?P<versions>[<>=!~][^;\s]*)", line)
        if found:
            return found["versions"]
    return ""
