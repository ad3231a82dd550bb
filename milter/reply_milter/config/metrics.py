"""``[metrics]``: where the page for Prometheus is, and who may read it."""

import ipaddress
from dataclasses import dataclass

from reply_milter.config.places import host_and_port
from reply_milter.core.encoding.toml_table import Table, matching

_FILE = matching(r"(/[^\x00-\x1f]+)?", "an absolute path")
_PAIRS = (("tls_cert", "tls_key"), ("user", "password_file"))
_OPEN = "metrics.listen: is not a loopback address and asks for no login: anybody who can connect may read it"
_CLEAR = "metrics.listen: is not a loopback address: without tls_cert the password crosses the network in the clear"


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """``listen``: host and port of the page, empty and 0 for no page. A change of any of these needs a restart.

    The others: absolute paths of the certificate with its chain and of its key, and a login; empty for none.
    """

    listen: tuple[str, int]
    tls_cert: str = ""
    tls_key: str = ""
    user: str = ""
    password_file: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator may have overlooked."""
        host = self.listen[0]
        if not host or _is_loopback(host):
            return ()
        if not self.user:
            return (_OPEN,)
        return () if self.tls_cert else (_CLEAR,)


def read_metrics(table: Table) -> MetricsSettings:
    """Read ``[metrics]``: everybody who can connect may read the page, unless the table says otherwise."""
    found = MetricsSettings(
        listen=host_and_port(table, "listen", "127.0.0.1:9797"),
        tls_cert=table.take("tls_cert", "", _FILE),
        tls_key=table.take("tls_key", "", _FILE),
        user=table.take("user", "", matching(r"[!-9;-~]{0,64}", "at most 64 visible ASCII characters, and no colon")),
        password_file=table.take("password_file", "", _FILE),
    )
    for one, other in _PAIRS:
        for named, missing in ((one, other), (other, one)):
            if getattr(found, named) and not getattr(found, missing) and not table.has_problem(missing):
                table.problem(missing, f"is missing: {named} is of no use without it")
    table.unknown()
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
