"""Where things lie on this box.

Promises: one place that names every folder and socket, all under one `var` folder unless the environment says
otherwise.
"""

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_CONFIG = PROJECT / "configs" / "cameras.yaml"


@dataclass(frozen=True, slots=True)
class Folders:
    """Everything that is written at run time lies below `var`."""

    var: Path

    @staticmethod
    def from_environment() -> "Folders":
        """`VBRAIN_VAR`, else `var/` in the project."""
        return Folders(Path(os.environ.get("VBRAIN_VAR") or PROJECT / "var").resolve())

    def make(self) -> None:
        """Makes the folders. Raises OSError when that cannot be done."""
        for folder in (self.var, self.evidence, self.recordings, self.sockets, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self.sockets.chmod(0o700)

    @property
    def evidence(self) -> Path:
        return self.var / "evidence"

    @property
    def recordings(self) -> Path:
        return self.var / "recordings"

    @property
    def feedback(self) -> Path:
        return self.var / "feedback"

    @property
    def logs(self) -> Path:
        return self.var / "logs"

    @property
    def sockets(self) -> Path:
        return self.var / "run"

    @property
    def demo(self) -> Path:
        return self.var / "demo"

    @property
    def web(self) -> Path:
        return PROJECT / "web" / "dist"

    def shard_endpoint(self, shard: str) -> str:
        """The base of a shard's two ZeroMQ addresses. Unix sockets have short names, so a deep folder falls back."""
        path = self.sockets / shard
        if len(str(path)) > 80:
            path = Path("/tmp") / f"vbrain-{os.getuid()}-{abs(hash(str(self.var))) % 10**8}" / shard  # noqa: S108
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return f"ipc://{path}"


def database_url() -> str | None:
    """`DATABASE_URL`, else none: a SQLite file under `var`."""
    return os.environ.get("DATABASE_URL") or None
