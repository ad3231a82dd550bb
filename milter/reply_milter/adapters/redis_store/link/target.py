"""What a store's URL names: one server, servers that Sentinels watch over, or a Cluster."""

from dataclasses import dataclass, replace
from enum import Enum
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

_PORTS = {"redis+sentinel": 26379, "redis+cluster": 6379}
_WORDS = {"yes": True, "no": False}


class Kind(Enum):
    """Who has the data: one server at a fixed place, a master that Sentinels name, or the masters of a Cluster."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


class UrlError(ValueError):
    """A store's URL cannot be used; the message says why, and contains no secret part of the URL."""


@dataclass(frozen=True, slots=True)
class Place:
    """A host name or address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed store URL. ``url``: of a single server, else empty; ``seeds``: Sentinels, or some nodes of a Cluster.

    ``login`` and ``sentinel_login``: ``USER:PASSWORD@`` as in a URL, or empty; ``options``: redis-py's own.
    """

    kind: Kind
    url: str = ""
    seeds: tuple[Place, ...] = ()
    name: str = ""
    db: int = 0
    tls: bool = False
    login: str = ""
    sentinel_login: str = ""
    options: str = ""

    def server_url(self, place: Place) -> str:
        """Return the URL of a server that has data."""
        return self._url(place, self.login, f"/{self.db}")

    def sentinel_url(self, place: Place) -> str:
        """Return the URL of a Sentinel."""
        return self._url(place, self.sentinel_login, "")

    def _url(self, place: Place, login: str, path: str) -> str:
        options = f"?{self.options}" if self.options else ""
        return f"{'rediss' if self.tls else 'redis'}://{login}{place}{path}{options}"

    @property
    def user(self) -> str:
        """The user name that we log in with at servers that have data."""
        login = self.login.removesuffix("@") if self.kind is not Kind.SINGLE else urlsplit(self.url).username or ""
        return unquote(login.partition(":")[0]) or "default"


def read_url(url: str) -> Target:
    """Parse a store's URL.

    Raises:
        UrlError: it is not a store's URL.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in _PORTS:
        return Target(Kind.SINGLE, url)
    places, _, query = rest.partition("?")
    authority, _, path = places.partition("/")
    login, at, hosts = authority.rpartition("@")
    options = dict(parse_qsl(query, keep_blank_values=True))
    found = Target(
        kind=Kind.SENTINEL if scheme == "redis+sentinel" else Kind.CLUSTER,
        seeds=tuple(_place(host, _PORTS[scheme]) for host in hosts.split(",")),
        tls=_flag(options.pop("tls", "no")),
        login=login + at,
        sentinel_login=_login(options.pop("sentinel_user", ""), options.pop("sentinel_password", "")),
        options=urlencode(options),
    )
    return _sentinel(found, path) if found.kind is Kind.SENTINEL else _cluster(found, path)


def shown(url: str) -> str:
    """Return ``url`` without its secret parts: user, password and options."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("?")[0].partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def _sentinel(found: Target, path: str) -> Target:
    name, _, db = path.partition("/")
    if not name:
        raise UrlError(
            "names no master: redis+sentinel://HOST:26379,HOST:26379/NAME, NAME as in `sentinel monitor NAME`"
        )
    return replace(found, name=unquote(name), db=_number(db or "0", "a database", 1 << 31))


def _cluster(found: Target, path: str) -> Target:
    if path not in ("", "0"):
        raise UrlError("names a database, but a Cluster has only one: leave the path out")
    if found.sentinel_login:
        raise UrlError("sentinel_user and sentinel_password have no meaning in a Cluster")
    return found


def _place(text: str, port: int) -> Place:
    """``HOST``, ``HOST:PORT``, or with an IPv6 address in brackets."""
    host, colon, number = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host, number = text, str(port)
    bare = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not bare or any(letter in bare for letter in "/?#@ ") or (":" in bare and bare == host):
        raise UrlError("a host is missing or malformed: HOST:PORT,HOST:PORT, with IPv6 addresses in brackets")
    return Place(bare, _number(number, "a port", 65536))


def _number(text: str, what: str, limit: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) < limit):
        raise UrlError(f"{what} is a number below {limit}")
    return int(text)


def _flag(word: str) -> bool:
    if word not in _WORDS:
        raise UrlError('tls is "yes" or "no"')
    return _WORDS[word]


def _login(user: str, password: str) -> str:
    if not password:
        if user:
            raise UrlError("sentinel_user needs a sentinel_password")
        return ""
    return f"{quote(user, safe='')}:{quote(password, safe='')}@"
