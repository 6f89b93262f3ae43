"""Certificates of the village's own: real handshakes with them, and what is refused."""

import socket
import ssl
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runtime.certificates import CertificateError, Certificates, make
from runtime.cli import app


def shake_hands(made: Certificates, trusted: Path, name: str) -> None:
    """A client that trusts `trusted` alone meets a server that serves with `made`, under that name."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(made.certificate, made.key)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with serving.wrap_socket(theirs, server_side=True) as line:
                line.recv(1)
        except (ssl.SSLError, OSError):
            theirs.close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        client = ssl.create_default_context(cafile=str(trusted))
        client.verify_flags |= ssl.VERIFY_X509_STRICT
        with client.wrap_socket(ours, server_hostname=name) as line:
            line.send(b"1")
    finally:
        ours.close()
        server.join(10)


def test_a_phone_that_trusts_the_village_reaches_the_box_by_each_of_its_names(tmp_path: Path) -> None:
    made = make(tmp_path, ["192.168.1.10", "box.local", "::1"])
    for name in made.names:
        shake_hands(made, made.authority, name)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for '192\.168\.1\.11'"):
        shake_hands(made, made.authority, "192.168.1.11")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(made, make(tmp_path / "other", ["box.local"]).authority, "box.local")


def test_a_new_address_needs_no_new_trust_and_keys_are_private(tmp_path: Path) -> None:
    first = make(tmp_path, ["192.168.1.10"])
    trusted = first.authority.read_bytes()
    second = make(tmp_path, ["192.168.1.77"])
    assert (second.authority.read_bytes(), second.fingerprint) == (trusted, first.fingerprint)
    shake_hands(second, second.authority, "192.168.1.77")
    for key in ("key.pem", "ca-key.pem"):
        assert (tmp_path / key).stat().st_mode & 0o077 == 0
    assert (tmp_path / "ca-key.pem").read_text().strip() not in second.certificate.read_text()


@pytest.mark.parametrize("name", ["https://box", "a b", "-box", "300.1.1.1", "x" * 300, ""])
def test_what_is_no_address_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="neither an address nor a host name"):
        make(tmp_path, [name])
    assert list(tmp_path.iterdir()) == []


def test_an_authority_that_is_half_there_or_damaged_is_not_replaced_in_silence(tmp_path: Path) -> None:
    made = make(tmp_path, ["box.local"])
    key = (tmp_path / "ca-key.pem").read_bytes()
    (tmp_path / "ca-key.pem").unlink()
    with pytest.raises(CertificateError, match=r"ca-key\.pem is not; bring it back"):
        make(tmp_path, ["box.local"])
    (tmp_path / "ca-key.pem").write_bytes(
        (make(tmp_path / "other", ["x"]).authority.parent / "ca-key.pem").read_bytes()
    )
    with pytest.raises(CertificateError, match="is not the key of"):
        make(tmp_path, ["box.local"])
    (tmp_path / "ca-key.pem").write_bytes(key[:40])
    with pytest.raises(CertificateError, match="damaged"):
        make(tmp_path, ["box.local"])
    assert made.authority.exists()


def test_the_command_says_what_to_do_next(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["certificate", "--for", "10.0.0.5", "--folder", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    assert f"VBRAIN_TLS_CERTIFICATE={tmp_path / 'cert.pem'}" in ran.output
    assert str(tmp_path / "ca.pem") in ran.output
    assert CliRunner().invoke(app, ["certificate", "--days", "9999", "--folder", str(tmp_path)]).exit_code == 1
