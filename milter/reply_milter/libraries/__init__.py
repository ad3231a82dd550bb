"""What is relied on in other people's libraries, looked for before any of it is used.

Some of it is private to them (attributes that begin with ``_``), and a release may take it away or mean something else
by it. Then one line says so, where there would be a traceback, or counts and answers that are wrong without a word.
Nothing of ours is imported here: that is what would fail.
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
    """A library is not what this program was written for; the message says which, and what to install.

    ``status``: what a command ends with, of sysexits.h.
    """

    status = os.EX_CONFIG


@dataclass(frozen=True, slots=True)
class Library:
    """``distribution``: as pyproject.toml calls it. ``names``: ``MODULE:NAME.NAME``, and behind it in brackets what a
    function or class must take. A name that ends in ``()`` is called: what it makes must have the rest.
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
HTTPX = Library(  # only a webhook needs it, and takes a tenth of a second to import it
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
    """Look for all that is relied on, of ``libraries`` or of those that every command needs.

    Raises:
        LibraryError: something is not there.
    """
    for library in libraries or LIBRARIES:
        missing = [name for name in library.names if not _is_there(name)]
        if missing:
            raise LibraryError(_told(library.distribution, f"has no {', '.join(_plain(missing))}"))


def problem_apart(library: Library) -> str:
    """What ``check`` finds of ``library``, empty for nothing; asked in a process of its own.

    So that who only forks those that use it does not carry it about, and hand it on to all others.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            check(library)
        except Exception as error:  # noqa: BLE001 # told by the other process
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as told:
        problem = told.read().decode()
    os.waitpid(pid, 0)
    return problem


def unlike(distribution: str, how: str) -> LibraryError:
    """For who finds in use that a library does something else than it did: ``how`` ("counts otherwise")."""
    return LibraryError(_told(distribution, how))


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
    """Whether it takes them by name; where Python can't tell (C code), that is believed.

    Of a class, all its bases are asked: a constructor that takes ``**kwargs`` passes them on.
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
    for name in list(names)[:3]:  # one line, also where nothing is as it was
        yield name.replace(":", ".").replace("[", " with ").replace("]", "")


def _told(distribution: str, how: str) -> str:
    good = _asked(distribution)
    return (
        f"{distribution} {_version(distribution)} {how}: this program was written for {distribution}{good}; "
        f"install that (pip install '{distribution}{good}'), or the reply-milter package with its own libraries"
    )


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _asked(distribution: str) -> str:
    """The versions that pyproject.toml asks for, as our own metadata has them."""
    try:
        lines = metadata.requires(OURS) or []
    except metadata.PackageNotFoundError:
        return ""
    for line in lines:
        found = re.match(rf"{re.escape(distribution)}(?:\[[\w,]*\])?\s*(?P<versions>[<>=!~][^;\s]*)", line)
        if found:
            return found["versions"]
    return ""
