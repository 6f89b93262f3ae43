"""What the API process is started with.

Promises: one value that holds all of it, safe to print (secrets are masked). Not here: reading it from the command
line or the environment (`runtime/`).
"""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from alerts.reports import PhotoJudge
from configs.site import Site
from configs.village import Village


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Limits of the live feeds, and how browsers reach us. `ice_servers` are STUN or TURN addresses, for us and for
    the browsers alike; none are needed on one network. `public_addresses` are those that we are reached at behind
    address translation. At most `transcoders` streams that browsers cannot play are transcoded at a time; all feeds
    together take at most `megabits` a second."""

    viewers_total: int = 200
    viewers_per_camera: int = 50
    megabits: float = 200.0
    transcoders: int = 2
    transcoder_idle_seconds: float = 5.0
    idle_seconds: float = 10.0
    dead_after_seconds: float = 8.0
    ice_servers: tuple[str, ...] = ()
    turn_username: str | None = None
    turn_password: SecretStr | None = None
    public_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """`shard_endpoints` are the ZeroMQ endpoints the shards were given. `allowed_origins` are further web origins
    (`http://localhost:5173`) that may call with the cookie. `metrics_token` lets a local Prometheus in. `village`: none
    takes the process's own village.yaml; `photo_judge` looks at citizens' photos, where there is one."""

    site: Site
    data_dir: Path
    evidence_dir: Path
    database_url: str | None = None
    shard_endpoints: tuple[str, ...] = ()
    web_dist: Path | None = None
    plan_image: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: tuple[str, ...] = ("127.0.0.1",)
    allowed_origins: tuple[str, ...] = ()
    session_hours: float = 12.0
    metrics_token: SecretStr | None = None
    listeners_total: int = 200
    village: Village | None = None
    photo_judge: PhotoJudge | None = None
    live: LiveSettings = field(default_factory=LiveSettings)
