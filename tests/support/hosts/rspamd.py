"""A real Rspamd as a milter that verifies: SPF, DKIM, DMARC and ARC, and one Authentication-Results for all of them."""

import shutil
import socket
import subprocess
from pathlib import Path

from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port

START_SECONDS = 30.0
_USER = "_rspamd"
_MODULES = ("spf", "dmarc", "arc", "milter_headers")
_CHECKING = ("spf", "dkim", "dmarc", "arc")
_OPTIONS = """\
options {{
  filters = "dkim"; url_tld = "{folder}/tld"; tempdir = "{folder}"; hs_cache_dir = "{folder}";
  control_socket = "{folder}/control.sock mode=0600"; local_addrs = "192.0.2.1/32";
  dns {{ nameserver = ["{dns}"]; timeout = 1s; retransmits = 2; }}
}}
logging {{ type = "console"; level = "error"; }}
milter_headers {{ use = ["authentication-results"]; skip_local = false; skip_authenticated = false; }}
worker "rspamd_proxy" {{
  bind_socket = "127.0.0.1:{port}"; milter = yes; timeout = 60s; count = 1;
  upstream "local" {{ default = yes; self_scan = yes; }}
}}
"""


class Rspamd:
    """All its files are in ``folder``, which is new. ``dns``: the address of a name server, at port 53."""

    def __init__(self, folder: Path, dns: str) -> None:
        self._folder, self._dns = folder, dns
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def milter(self) -> str:
        """As Postfix names it."""
        return f"inet:127.0.0.1:{self._port}"

    def start(self) -> "Rspamd":
        """Start it and wait until it takes connections."""
        self._folder.mkdir()
        self._folder.chmod(0o755)
        (self._folder / "tld").write_text("com\nexample\n")
        checks = "".join(f"{name} {{ check_local = true; check_authed = true; }}\n" for name in _CHECKING)
        paths = " ".join(f'path = "/usr/share/rspamd/plugins/{name}.lua";' for name in _MODULES)
        options = _OPTIONS.format(folder=self._folder, dns=self._dns, port=self._port)
        file = self._folder / "rspamd.conf"
        file.write_text(f"{options}modules {{ {paths} }}\n{checks}")
        for path in (self._folder, *self._folder.iterdir()):
            shutil.chown(path, _USER, _USER)
        command = ["/usr/bin/rspamd", "-f", "-c", str(file), "-u", _USER, "-g", _USER]
        with open(self._folder / "output", "wb") as output:
            self._process = subprocess.Popen(command, cwd="/", stdout=output, stderr=output)
        wait_until(self._listening, START_SECONDS, "Rspamd listens")
        return self

    def stop(self) -> None:
        """End it with its workers."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def _listening(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "output").read_text(errors="replace")[-2000:]
        with socket.socket() as probe:
            probe.settimeout(5)
            return probe.connect_ex(("127.0.0.1", self._port)) == 0
