"""A mail host of applications that send: submission with TLS and login, a relay for trusted clients, a filter."""

import shutil
import smtplib
import socketserver
import ssl
import subprocess
import threading
from typing import Self

from reply_milter.cli.demo.private_postfix import Layout
from tests.support.certificate import write_certificate
from tests.support.hosts import logins
from tests.support.hosts.site_under_test import Site
from tests.support.processes.daemon_process import USER
from tests.support.processes.ports import free_port

APPLICATION, PASSWORD = "shop", "not a secret"
PERSON = "jane"  # has a login, too, as every mailbox has
STRANGER = "127.0.0.2"  # on loopback, and in nobody's list

_MAIN = """
smtpd_tls_cert_file = {folder}/tls.pem
smtpd_tls_key_file = {folder}/tls.key
"""
_SERVICES = """
127.0.0.1:{relay} inet n - y - - smtpd
  -o smtpd_milters=$reply_sign_milter
  -o mynetworks=127.0.0.1
  -o cleanup_service_name=cleanup-sign
127.0.0.1:{filtered} inet n - y - - smtpd
  -o smtpd_milters=
  -o content_filter=scan:[127.0.0.1]:{scanner}
scan unix - - y - - smtp
  -o smtp_header_checks=
127.0.0.1:{bypassing} inet n - y - - smtpd
  -o smtpd_milters=
  -o content_filter=smtp:[127.0.0.1]:{scanner}
"""
# As a program of another user would: no login, from 127.0.0.1.
_ANYBODY = """
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=60) as client:
    print(client.sendmail("shop@example.com", [sys.argv[2]], sys.stdin.buffer.read()))
"""
_NOBODY = 65534


class Scanner(socketserver.ThreadingTCPServer):
    """A content filter: takes a message over SMTP and hands it in once more, as it is, at ``port``."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, place: tuple[str, int], port: int) -> None:
        super().__init__(place, _Scanning)
        self.port = port
        self.seen: list[bytes] = []


class _Scanning(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """One SMTP session, as far as Postfix needs one."""
        envelope: list[str] = []
        self.wfile.write(b"220 scanner\r\n")
        for line in self.rfile:
            word = line.split(b":")[0].strip().upper().split()[0]
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                message = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.seen.append(message)  # type: ignore[attr-defined]
                self._hand_in(envelope, message)
                envelope = []
            elif word in (b"MAIL", b"RCPT"):
                envelope.append(line.decode().partition(":")[2].split()[0])
            self.wfile.write(b"250 ok\r\n")
            if word == b"QUIT":
                return

    def _hand_in(self, envelope: list[str], message: bytes) -> None:
        assert isinstance(self.server, Scanner)
        with smtplib.SMTP("127.0.0.1", self.server.port, timeout=30) as client:
            client.sendmail(envelope[0], envelope[1:], message)


class SubmissionSite:
    """``site`` with sign mode: ``sign`` says who may mint. 127.0.0.1 is trusted if it doesn't say; STRANGER is not.

    ``secrets``: of applications, by the names of their files beside the configuration.
    Ports: ``submission`` with login, ``relay`` for trusted clients, and ``filtered``, which takes mail from anybody and
    has it scanned and handed in again at ``relay``. ``bypassing`` does, too, as mail that leaves
    by SMTP, past sign mode.
    """

    def __init__(self, sign: str = 'trusted = ["127.0.0.1"]\n', secrets: dict[str, str] | None = None) -> None:
        self.submission, self.relay, self.filtered, self.bypassing, scanner = (free_port() for _ in range(5))
        self._scanner = Scanner(("127.0.0.1", scanner), self.relay)
        self.site = Site({r"\[store\]": f'[sign]\nsocket = "@"\n{sign}\n[store]'}, self._layout(scanner))
        folder = self.site.postfix.folder
        main = folder / "etc/main.cf"
        main.write_text(main.read_text().replace("{folder}", str(folder)))
        self.site.replace_in_settings('socket = "@"', f'socket = "unix:{self.site.mta.socket_folder}/sign.sock"')
        # What docs/notifications.md says for mail that is handed in by sendmail(1).
        change = ["postconf", "-c", str(folder / "etc"), "-P", "pickup/unix/cleanup_service_name=cleanup-sign"]
        subprocess.run(change, check=True)
        write_certificate(folder / "tls.pem", folder / "tls.key", "mx.example.com")
        logins.write_logins(folder, (APPLICATION, PERSON), PASSWORD)
        for name, secret in (secrets or {}).items():
            self.keep_secret(name, secret)

    def keep_secret(self, name: str, secret: str) -> None:
        """Put an application's secret where the daemon reads it."""
        path = self.site.config.parent / name
        path.write_text(f"{secret}\n")
        path.chmod(0o600)
        shutil.chown(path, USER)

    def _layout(self, scanner: int) -> Layout:
        services = _SERVICES.format(relay=self.relay, filtered=self.filtered, bypassing=self.bypassing, scanner=scanner)
        return Layout(
            main_cf=("reply-domain.main.cf", "shared-smtpd.main.cf", "submission.main.cf"),
            master_cf=("reply-delivery.master.cf", "submission.master.cf"),
            more=_MAIN + logins.MAIN_CF,
            more_services=services,
            submission_port=self.submission,
        )

    def start(self) -> Self:
        """Start everything."""
        threading.Thread(target=self._scanner.serve_forever, daemon=True).start()
        self.site.start()
        return self

    def stop(self) -> None:
        """End everything."""
        self.site.stop()
        self._scanner.shutdown()
        self._scanner.server_close()

    def submit(
        self, message: bytes, recipients: list[str], login: str = APPLICATION, sender: str = "shop@example.com"
    ) -> tuple[int, str]:
        """Hand a message in at the submission service, as an application does; the answer to its last command."""
        with smtplib.SMTP("127.0.0.1", self.submission, timeout=30) as client:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            client.starttls(context=context)
            client.login(f"{login}@example.com", PASSWORD)
            return _transaction(client, message, recipients, sender)

    def relay_in(
        self,
        message: bytes,
        recipients: list[str],
        source: str = "127.0.0.1",
        port: int = 0,
        sender: str = "shop@example.com",
    ) -> tuple[int, str]:
        """Hand a message in without a login, from ``source``, at the trusted clients' port or another."""
        with smtplib.SMTP("127.0.0.1", port or self.relay, timeout=30, source_address=(source, 0)) as client:
            client.ehlo("shop.example.com")
            return _transaction(client, message, recipients, sender)

    def as_nobody(self, message: bytes, recipient: str) -> str:
        """Hand a message in over SMTP as user 65534 of this host; what it heard, if that was no yes."""
        done = subprocess.run(
            ["/usr/bin/python3", "-I", "-c", _ANYBODY, str(self.relay), recipient],
            input=message,
            capture_output=True,
            check=False,
            cwd="/",
            user=_NOBODY,
            group=_NOBODY,
            extra_groups=[],
        )
        return done.stderr.decode()

    def left(self) -> list[bytes]:
        """What the scanner was handed."""
        return list(self._scanner.seen)


def _transaction(
    client: smtplib.SMTP, message: bytes, recipients: list[str], sender: str = "shop@example.com"
) -> tuple[int, str]:
    commands = [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{recipient}>" for recipient in recipients)]
    for command in commands:
        code, text = client.docmd(command)
        if code >= 400:
            return code, text.decode()
    code, text = client.data(message)
    return code, text.decode()
