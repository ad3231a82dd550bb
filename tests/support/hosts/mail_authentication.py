"""OpenDKIM and OpenDMARC in front of the daemon, as on a mail host, and the DNS that they query.

Both change their root to their own folder (``ChangeRootDirectory``), where /etc/resolv.conf names our server and
/dev/log is ours. So they do not use the machine's, and need no namespace. Everything is on loopback.
"""

import base64
import hashlib
import random
import re
import socket
import struct
import subprocess
import threading
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.hosts.system_log import SystemLog
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port

AUTHSERV_ID = "mx.example.com"
# alice.example has a key as soon as it signs; victim.example never should, and nodmarc.example has nothing here.
DMARC_RECORDS = {"_dmarc.alice.example": "v=DMARC1; p=reject", "_dmarc.victim.example": "v=DMARC1; p=reject"}
# Of no host here. Unless other hosts are named, both leave mail from 127.0.0.1 alone.
NOBODY = "192.0.2.1"
START_SECONDS = 15.0

_TXT, _IN = 16, 1
_AUTHORITATIVE, _NXDOMAIN = 0x8580, 3
_NAME_IN_QUESTION = 0xC00C
_SIGNED = (b"from", b"to", b"subject", b"date", b"message-id", b"in-reply-to", b"references")

_OPENDKIM = """\
Background no
Syslog yes
LogResults yes
UserID opendkim
ChangeRootDirectory {folder}/root
Socket inet:{port}@127.0.0.1
Mode v
AuthservID {id}
InternalHosts {nobody}
ResolverConfiguration /etc/unbound.conf
"""
_OPENDMARC = """\
Background no
Syslog yes
UserID opendmarc
ChangeRootDirectory {folder}/root
Socket inet:{port}@[127.0.0.1]
AuthservID {id}
TrustedAuthservIDs {id}
IgnoreHosts {folder}/ignored-hosts
PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat
RejectFailures no
"""
# OpenDKIM's resolver doesn't read resolv.conf, and by default queries no server on loopback.
_UNBOUND = """\
server:
  do-not-query-localhost: no
  do-ip6: no
  module-config: "iterator"
forward-zone:
  name: "."
  forward-addr: {address}
"""


class TextRecords:
    """A DNS server on port 53 of a loopback address of its own, which serves the TXT ``records`` as they are now."""

    def __init__(self, records: dict[str, str]) -> None:
        self.records = records
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.address = self._bind()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _bind(self) -> str:
        """Take a free address, because resolv.conf has no place for a port."""
        said = ""
        for _ in range(20):
            address = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
            try:
                self._socket.bind((address, 53))
                return address
            except OSError as error:
                said = f"{address}: {error.strerror}"
        raise AssertionError(f"no DNS server can listen on port 53 of loopback: {said}")

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(4096)
            if not query:
                return
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1 : at + 1 + length].decode("ascii", "replace").lower())
            at += 1 + length
        name, question = ".".join(labels), query[12 : at + 5]
        answer = b""
        if name in self.records and question[-4:] == struct.pack("!HH", _TXT, _IN):
            answer = _txt(self.records[name])
        # A name above a known one exists, without records: else a resolver takes all below it for missing.
        known = any(f".{record}".endswith(f".{name}") for record in tuple(self.records))
        flags = _AUTHORITATIVE | (0 if known else _NXDOMAIN)
        return query[:2] + struct.pack("!HHHHH", flags, 1, bool(answer), 0, 0) + question + answer

    def close(self) -> None:
        """Stop the server."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", (self.address, 53))
        self._thread.join(5)
        self._socket.close()


def _txt(text: str) -> bytes:
    """An answer with ``text`` for the name in question, not to be kept: a test may change it."""
    strings = [text[start : start + 255].encode() for start in range(0, len(text), 255)]
    data = b"".join(bytes([len(string)]) + string for string in strings)
    return struct.pack("!HHHIH", _NAME_IN_QUESTION, _TXT, _IN, 0, len(data)) + data


def dkim_signed(message: bytes, domain: str, selector: str, key: rsa.RSAPrivateKey) -> bytes:
    """``message`` under a DKIM-Signature: rsa-sha256, relaxed/relaxed, over the fields that replies have."""
    message = re.sub(rb"\r?\n", b"\r\n", message)
    header, _, body = message.partition(b"\r\n\r\n")
    fields = {}
    for field in re.split(rb"\r\n(?![ \t])", header):
        fields[field.partition(b":")[0].strip().lower()] = field
    names = [name for name in _SIGNED if name in fields]
    lines = re.sub(rb"[ \t]+", b" ", body).replace(b" \r\n", b"\r\n").rstrip(b" \r\n")
    digest = base64.b64encode(hashlib.sha256(lines + b"\r\n" if lines else b"").digest()).decode()
    unsigned = (
        f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s={selector};\r\n"
        f"\th={b':'.join(names).decode()};\r\n\tbh={digest};\r\n\tb="
    ).encode()
    covered = b"\r\n".join(_relaxed(field) for field in (*(fields[name] for name in names), unsigned))
    signature = base64.b64encode(key.sign(covered, padding.PKCS1v15(), hashes.SHA256()))
    folded = b"\r\n\t  ".join(signature[start : start + 72] for start in range(0, len(signature), 72))
    return unsigned + folded + b"\r\n" + message


def _relaxed(field: bytes) -> bytes:
    name, _, value = field.partition(b":")
    return name.strip().lower() + b":" + re.sub(rb"[ \t\r\n]+", b" ", value).strip()


class MailAuthentication:
    """OpenDKIM and OpenDMARC as verifiers. All their files are in ``folder``, which is new.

    ``opendkim`` and ``opendmarc``: more lines for their configuration files. ``records``: their DNS.
    """

    def __init__(self, folder: Path, opendkim: str = "", opendmarc: str = "") -> None:
        self.folder = folder
        self.records = dict(DMARC_RECORDS)
        self._configuration = {"opendkim": _OPENDKIM + opendkim, "opendmarc": _OPENDMARC + opendmarc}
        self._ports = {name: free_port() for name in self._configuration}
        self._keys: dict[tuple[str, str], rsa.RSAPrivateKey] = {}
        self._running: list[subprocess.Popen[bytes]] = []
        self._dns: TextRecords | None = None
        self._log: SystemLog | None = None

    @property
    def main_cf(self) -> str:
        """Lines for ``Layout.more``: where both listen, in the words of contrib/postfix."""
        return "".join(f"\n{name}_milter = inet:127.0.0.1:{port}" for name, port in self._ports.items()) + "\n"

    def start(self) -> "MailAuthentication":
        """Start the DNS, then both milters, and wait until they take connections."""
        self._dns = TextRecords(self.records)
        root = self.folder / "root"
        for place in (self.folder, root, root / "dev", root / "etc"):
            place.mkdir(exist_ok=True)
            place.chmod(0o755)
        self._log = SystemLog(root / "dev/log")
        self._write("root/etc/resolv.conf", f"nameserver {self._dns.address}\n")
        self._write("root/etc/unbound.conf", _UNBOUND.format(address=self._dns.address))
        self._write("ignored-hosts", f"{NOBODY}\n")
        for name, option in (("opendkim", "-x"), ("opendmarc", "-c")):
            values = {"folder": self.folder, "port": self._ports[name], "id": AUTHSERV_ID, "nobody": NOBODY}
            file = self._write(f"{name}.conf", self._configuration[name].format(**values))
            with open(self.folder / "output", "ab") as output:
                command = [f"/usr/sbin/{name}", "-f", option, str(file)]
                process = subprocess.Popen(command, cwd="/", env={}, stdout=output, stderr=output)
            self._running.append(process)
            wait_until(partial(self._listening, self._ports[name]), START_SECONDS, f"{name} listens")
        return self

    def stop(self) -> None:
        """Kill them: they have nothing to save, and notice a SIGTERM only after 5 seconds."""
        for process in self._running:
            process.kill()
            process.wait()
        self._running.clear()
        if self._dns is not None:
            self._dns.close()
        if self._log is not None:
            self._log.close()
        self._dns = self._log = None

    def log(self) -> str:
        """Return the logs of both, and their output at the start."""
        output = self.folder / "output"
        written = output.read_text(errors="replace") if output.exists() else ""
        return written + (self._log.text() if self._log else "")

    def sign(self, message: bytes, domain: str, selector: str) -> bytes:
        """``message`` with a signature of ``domain``; a key is made and published when it is first asked for."""
        if (domain, selector) not in self._keys:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            text = f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
            self.records[f"{selector}._domainkey.{domain}"] = text
            self._keys[domain, selector] = key
        return dkim_signed(message, domain, selector, self._keys[domain, selector])

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o644)
        return path

    def _listening(self, port: int) -> bool:
        assert self._running[-1].poll() is None, self.log()[-2000:]
        with socket.socket() as probe:
            probe.settimeout(5)
            return probe.connect_ex(("127.0.0.1", port)) == 0
