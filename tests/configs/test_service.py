"""The `service` part: secrets come from the environment and stay hidden; half a certificate is a clear mistake."""

from pathlib import Path

import pytest

from configs.errors import ConfigError
from configs.load import parse_model
from configs.site import Site
from tests.configs.test_load import GOOD

CAMERA = {"CAMERA_PASSWORD": "hidden"}
TOKEN = "0123456789abcdef-token"


def read(service: str, environment: dict[str, str] | None = None) -> Site:
    return parse_model(GOOD + "service:\n" + service, Site, "cameras.yaml", CAMERA | (environment or {}))


def test_a_secret_from_the_environment_is_there_and_is_never_printed():
    site = read("  metrics_token: ${METRICS}\n  turn_password: ${TURN}\n", {"METRICS": TOKEN, "TURN": "turn-pw-1"})
    assert site.service.metrics_token is not None and site.service.turn_password is not None
    assert site.service.metrics_token.get_secret_value() == TOKEN
    assert TOKEN not in repr(site) and "turn-pw-1" not in repr(site)


def test_what_the_environment_lacks_is_none():
    service = read("  metrics_token: ${METRICS:-}\n  tls_certificate: ${CERT:-}\n  tls_key: ${KEY:-}\n").service
    assert service.metrics_token is None and service.tls_certificate is None and service.tls_key is None


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("  metrics_token: short\n", "shorter than 16"),
        ("  tls_key: ${KEY}\n", "need each other"),
        ("  tls_certificate: /nowhere/a.pem\n  tls_key: ${KEY}\n", "/nowhere/a.pem is not a file"),
        ("  turn_username: 村\n", "ASCII"),
        ("  public_addresses: [village.example.org]\n", "public_addresses"),
        ("  live_megabits: 0\n", "live_megabits"),
        ("  ice_servers: [http://stun.example.org]\n", "ice_servers"),
        ("  allowed_origins: [https://screen.example.org/page]\n", "allowed_origins"),
    ],
)
def test_mistakes_name_the_line_and_what_to_do(written: str, says: str, tmp_path: Path):
    key = tmp_path / "key.pem"
    key.write_text("k")
    with pytest.raises(ConfigError) as raised:
        read(written, {"KEY": str(key)})
    assert says in str(raised.value) and "cameras.yaml, line" in str(raised.value)
