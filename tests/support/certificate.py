"""What a server of a test shows, and the metrics page may ask for: a certificate that signs itself, and a login."""

import base64
import datetime
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def basic(login: str) -> str:
    """An Authorization field (RFC 7617) for ``user:password``."""
    return f"Basic {base64.b64encode(login.encode()).decode()}"


class Authority:
    """A private one. ``certificate``: its own, as a PEM file that clients trust."""

    def __init__(self, certificate: Path) -> None:
        self.certificate = certificate
        self._secret = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority of tests")])
        basic_constraints = x509.BasicConstraints(ca=True, path_length=0)
        made = _builder(self._name, self._secret.public_key(), 30).issuer_name(self._name)
        signed = made.add_extension(basic_constraints, critical=True).sign(self._secret, hashes.SHA256())
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def issue(self, cert: Path, key: Path, names: Sequence[str], days: int = 30) -> None:
        """Write a server's certificate and key. ``names``: host names and addresses. ``days``: as below."""
        secret = ec.generate_private_key(ec.SECP256R1())
        named = x509.SubjectAlternativeName([_general_name(name) for name in names])
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
        made = _builder(subject, secret.public_key(), days).issuer_name(self._name)
        signed = made.add_extension(named, critical=False).sign(self._secret, hashes.SHA256())
        cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        _write_key(key, secret)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=90))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def write_certificate(cert: Path, key: Path, name: str = "metrics.example", days: int = 30) -> None:
    """Write both as PEM files, the key readable by its owner only. ``days`` until it expires; negative: since then."""
    secret = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        _builder(subject, secret.public_key(), days)
        .issuer_name(subject)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    _write_key(key, secret)


def _write_key(key: Path, secret: ec.EllipticCurvePrivateKey) -> None:
    plain = serialization.NoEncryption()
    key.touch(mode=0o600)
    key.write_bytes(
        secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    )
