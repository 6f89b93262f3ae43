"""What the interface says of the service itself: whether it works, and the models in use.

Promises: as `schemas.py`. Not here: figures for Prometheus (`metrics.py`), routes (`routes/health.py`).
"""

from typing import Any, Literal

from pydantic import BaseModel


class ModelInUse(BaseModel):
    """Which model does which task; no model: `problem` says why and what to do. `details` is what else the shard
    says."""

    shard: str
    task: str
    model: str | None
    input_size: tuple[int, int] | None
    problem: str | None
    details: dict[str, Any]


class Models(BaseModel):
    """The models in use; `silent_shards` did not answer."""

    models: list[ModelInUse]
    silent_shards: list[str]


class Health(BaseModel):
    """Whether the service works. `degraded`: it answers, but the database or a shard does not."""

    status: Literal["ok", "degraded"]
