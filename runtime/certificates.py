"""A village's own certificates, for a box that no public authority vouches for.

Promises: one authority for each box, made once and kept, which a phone is told to trust once; under it a certificate
for the names and addresses that the box is reached by, made anew as often as these change; keys are readable by their
owner alone; a file appears whole or not at all. Not here: serving with them (`api/server.py`), a public authority's
certificates (any proxy in front, or `service.tls_certificate`).
"""

import contextlib
import datetime
import ipaddress
import os
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ifaddr
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: What browsers accept of a certificate is 825 days at most where the authority was added by hand (Apple, since 2019).
LONGEST_DAYS = 825
_AUTHORITY_DAYS = 3650
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.IGNORECASE)


class CertificateError(Exception):
    """Why none can be made; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where they lie, all PEM: what phones are given to trust, and what the service serves with."""

    authority: Path
    certificate: Path
    key: Path
    fingerprint: str
    names: tuple[str, ...]


def make(folder: Path, names: Sequence[str], days: int = LONGEST_DAYS) -> Certificates:
    """A certificate for these host names and addresses. Raises CertificateError."""
    if not names:
        raise CertificateError("name at least one address or host name that the box is reached by")
    if not 1 <= days <= LONGEST_DAYS:
        raise CertificateError(f"browsers accept 1 to {LONGEST_DAYS} days")
    alternatives = [_general_name(name) for name in names]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        issuer, issuer_key = _authority(folder)
        key = ec.generate_private_key(ec.SECP256R1())
        made = (
            _builder(names[0], issuer.subject, key, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
            .sign(issuer_key, hashes.SHA256())
        )
        _write(folder / "key.pem", _pem_of(key), secret=True)
        _write(folder / "cert.pem", _pem(made) + _pem(issuer))
    except OSError as error:
        raise CertificateError(f"{error.filename or folder} cannot be written: {error.strerror}") from None
    fingerprint = issuer.fingerprint(hashes.SHA256()).hex(":").upper()
    return Certificates(folder / "ca.pem", folder / "cert.pem", folder / "key.pem", fingerprint, tuple(names))


def names_of_this_box() -> list[str]:
    """What this machine is probably reached by: its addresses in the network, its name, and itself."""
    found = ["localhost", "127.0.0.1"]
    host = socket.gethostname().partition(".")[0]
    if _LABEL.fullmatch(host):
        found += [host, f"{host}.local"]
    for adapter in ifaddr.get_adapters():
        found += [ip.ip for ip in adapter.ips if isinstance(ip.ip, str) and not ip.ip.startswith("169.254.")]
    return list(dict.fromkeys(found))


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The box's own authority; made when there is none. Half of one is refused: phones trust the other half."""
    at, key_at = folder / "ca.pem", folder / "ca-key.pem"
    if at.exists() != key_at.exists():
        there, gone = (at, key_at) if at.exists() else (key_at, at)
        raise CertificateError(
            f"{there} is there and {gone.name} is not; bring it back, or delete {there.name} and let phones trust anew"
        )
    if at.exists():
        try:
            key = serialization.load_pem_private_key(key_at.read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(at.read_bytes())
        except ValueError:
            raise CertificateError(f"{at} or {key_at.name} is damaged; delete both and let phones trust anew") from None
        if isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == certificate.public_key():
            return certificate, key
        raise CertificateError(f"{key_at} is not the key of {at.name}; delete both and let phones trust anew")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Village brain on {socket.gethostname()}"[:64])])
    certificate = (
        _builder(None, name, key, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(key_at, _pem_of(key), secret=True)
    _write(at, _pem(certificate))
    return certificate, key


def _builder(
    name: str | None, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    subject = issuer if name is None else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # a phone's clock may be late
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _general_name(name: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise CertificateError(f"{name!r} is neither an address nor a host name, such as 192.168.1.10 or box.local")
    return x509.DNSName(name.lower())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def _write(path: Path, data: bytes, secret: bool = False) -> None:
    unfinished = path.with_name(f".{path.name}.new")
    with open(unfinished, "wb", opener=lambda p, flags: os.open(p, flags, 0o600 if secret else 0o644)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
