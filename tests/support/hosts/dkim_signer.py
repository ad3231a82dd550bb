"""A real OpenDKIM that signs what it is shown, behind the sign milter; and one that reads a message and verifies it."""

import base64
import shutil
import socket
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port

PROGRAM = "/usr/sbin/opendkim"
_SIGNING = """\
Background no
Syslog no
Mode s
Domain {domain}
Selector s1
KeyFile {folder}/key.pem
RequireSafeKeys no
InternalHosts 127.0.0.1
Canonicalization relaxed/simple
OversignHeaders From,Reply-To,References
Socket inet:{port}@127.0.0.1
"""
_VERIFYING = """\
Syslog no
Mode v
TestDNSData refile:{folder}/dns
"""


class DkimSigner:
    """Signs mail from 127.0.0.1 of ``domain``; ``folder`` is new."""

    def __init__(self, folder: Path, domain: str) -> None:
        self._folder, self.port = folder, free_port()
        folder.mkdir()
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "key.pem").write_bytes(pem)
        public = base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        (folder / "dns").write_text(f"s1._domainkey.{domain} v=DKIM1; k=rsa; p={public.decode()}\n")
        values = {"folder": folder, "domain": domain, "port": self.port}
        (folder / "signing.conf").write_text(_SIGNING.format(**values))
        (folder / "verifying.conf").write_text(_VERIFYING.format(**values))

    def start(self) -> "DkimSigner":
        """Start it, and wait until it takes connections."""
        command = [PROGRAM, "-f", "-x", str(self._folder / "signing.conf")]
        self._process = subprocess.Popen(command, cwd="/", env={})
        wait_until(lambda: _is_listening(self.port), 15, "opendkim listens")
        return self

    def stop(self) -> None:
        """End it. It has nothing to save."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def verified(self, message: bytes) -> str:
        """What OpenDKIM says of a message's signature."""
        file = self._folder / "message.eml"
        file.write_bytes(message)
        command = [PROGRAM, "-x", str(self._folder / "verifying.conf"), "-vv", "-t", str(file)]
        done = subprocess.run(command, capture_output=True, check=False, cwd="/", env={}, timeout=60)
        return (done.stdout + done.stderr).decode()


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
