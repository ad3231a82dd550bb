"""``[metrics]``: where the page for Prometheus is, and who may read it."""

import ipaddress
from dataclasses import dataclass

from reply_milter.core.encoding.toml_table import Table, matching

_FILE = matching(r"(/[^\x00-\x1f]+)?", "an absolute path")
_PAIRS = (("tls_cert", "tls_key"), ("user", "password_file"))
_OPEN = "metrics.listen: is no address of loopback, and asks for no login: anybody who can connect may read it"
_CLEAR = "metrics.listen: is no address of loopback: without tls_cert the password crosses the network in the clear"


@dataclass(frozen=True, slots=True)
class PageAccess:
    """Paths of the certificate with its chain and of its key, and a login; empty for none."""

    tls_cert: str = ""
    tls_key: str = ""
    user: str = ""
    password_file: str = ""


def page_access(table: Table) -> PageAccess:
    """Who may read the page: everybody who can connect, unless the table says otherwise."""
    access = PageAccess(
        tls_cert=table.take("tls_cert", "", _FILE),
        tls_key=table.take("tls_key", "", _FILE),
        user=table.take("user", "", matching(r"[!-9;-~]{0,64}", "at most 64 visible ASCII characters, and no colon")),
        password_file=table.take("password_file", "", _FILE),
    )
    for one, other in _PAIRS:
        for named, missing in ((one, other), (other, one)):
            if getattr(access, named) and not getattr(access, missing) and not table.is_told(missing):
                table.problem(missing, f"is missing: {named} is of no use without it")
    return access


def page_warnings(host: str, access: PageAccess) -> tuple[str, ...]:
    """What an operator may have overlooked; ``host`` is where the page is, empty for nowhere."""
    if not host or _is_loopback(host):
        return ()
    if not access.user:
        return (_OPEN,)
    return () if access.tls_cert else (_CLEAR,)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
