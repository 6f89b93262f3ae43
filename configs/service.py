"""How the service is reached, and by whom: the `service` part of cameras.yaml.

Promises: secrets stay masked when printed; an empty value is the same as none, so that each may come from the
environment.
Not here: what the values do (`api.settings`, `live`).
"""

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, IPvAnyAddress, SecretStr, model_validator

from configs.strict import Strict


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_none_if_empty)]
OptionalText = Annotated[str | None, BeforeValidator(_none_if_empty)]
OptionalPath = Annotated[Path | None, BeforeValidator(_none_if_empty)]


def _shaped(pattern: str, example: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"is not like {example}")
        return value

    return AfterValidator(check)


IceServer = Annotated[
    str, _shaped(r"(stun|turns?):[^\s:]+(:\d{1,5})?(\?transport=(udp|tcp))?", "stun:stun.example.org:3478")
]
Origin = Annotated[str, _shaped(r"https?://[^\s/]+", "https://screen.example.org")]


class Service(Strict):
    """What holds for the web service and its live pictures."""

    tls_certificate: OptionalPath = Field(
        default=None, description="PEM file of the certificate chain; phones give camera and place only over https"
    )
    tls_key: OptionalPath = Field(default=None, description="PEM file of the certificate's key")
    trusted_proxies: list[str] = Field(
        default=["127.0.0.1"], max_length=20, description="addresses of proxies whose X-Forwarded-For is believed"
    )
    allowed_origins: list[Origin] = Field(
        default=[],
        max_length=20,
        description="further web origins that may call with the cookie, like https://a.example",
    )
    session_hours: float = Field(default=12, gt=0, le=720, description="how long a login lasts")
    metrics_token: OptionalSecret = Field(
        default=None, description="of 16 characters or more, lets Prometheus read /metrics, as a bearer token"
    )
    ice_servers: list[IceServer] = Field(
        default=[], max_length=8, description="STUN and TURN servers for live pictures beyond one network"
    )
    turn_username: OptionalText = Field(default=None, description="name at the TURN servers")
    turn_password: OptionalSecret = Field(default=None, description="password at the TURN servers")
    public_addresses: list[IPvAnyAddress] = Field(
        default=[],
        max_length=4,
        description="where this box is reached from outside, when its own address is another; UDP ports as they are",
    )
    viewers: int = Field(default=200, ge=1, le=10_000, description="the most live pictures sent at a time")
    viewers_per_camera: int = Field(default=50, ge=1, le=10_000, description="the most of one camera at a time")
    live_megabits: float = Field(
        default=200, gt=0, le=100_000, description="the most megabits a second that all live pictures together may take"
    )
    transcoders: int = Field(
        default=2, ge=0, le=64, description="the most streams transcoded at a time, for browsers; each takes CPU"
    )
    phones: int = Field(
        default=2,
        ge=0,
        le=8,
        description="the most phones that may be cameras at a time; 0: none may, and none is asked",
    )
    phone_keep_days: float = Field(
        default=7, gt=0, description="recordings of phones that were cameras and that are older than this are deleted"
    )

    @model_validator(mode="after")
    def _certificate_and_key(self) -> Self:
        if self.metrics_token is not None and len(self.metrics_token) < 16:
            raise ValueError("metrics_token is shorter than 16 characters; make one with `openssl rand -hex 16`")
        turn = self.turn_username or "", self.turn_password.get_secret_value() if self.turn_password else ""
        if any(not text.isascii() or not text.isprintable() for text in turn):
            raise ValueError("turn_username and turn_password may hold letters, digits and signs of ASCII alone")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key need each other")
        for path in (self.tls_certificate, self.tls_key):
            if path is not None and not path.is_file():
                raise ValueError(f"{path} is not a file")
        return self
