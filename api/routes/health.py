"""The service itself: health, metrics, the models in use."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api import schemas_service as shapes
from api.access import AllowScraper, StaffCaller
from api.context import InContext
from api.identity import Caller
from api.metrics import registry_of
from live.subscriber import ShardError
from live.wire import Request as ShardRequest

router = APIRouter(tags=["service"])


@router.get("/api/health", operation_id="get_health")
def get_health(context: InContext) -> shapes.Health:
    """Whether the service works; says no more, because nobody need be logged in."""
    try:
        with context.database.reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return shapes.Health(status="degraded")
    return shapes.Health(status="ok" if context.board.hears_all else "degraded")


@router.get("/api/models", operation_id="list_models")
async def list_models(caller: StaffCaller, context: InContext) -> shapes.Models:
    """Which model does which task, as each shard says."""
    found: list[shapes.ModelInUse] = []
    silent: list[str] = []
    answers = await context.shards.ask_all(ShardRequest("models"))
    for shard, answer in answers.items():
        if isinstance(answer, ShardError):
            silent.append(shard)
            continue
        found += [_model(shard, entry) for entry in msgspec.json.decode(answer)]
    return shapes.Models(models=found, silent_shards=silent)


def _model(shard: str, said: dict[str, Any]) -> shapes.ModelInUse:
    known = {name: said.pop(name, None) for name in ("task", "model", "input_size", "problem")}
    return shapes.ModelInUse(shard=shard, details=said, **known)


@router.get("/metrics", operation_id="get_metrics", response_class=Response)
def get_metrics(caller: Annotated[Caller | None, Depends(AllowScraper())], context: InContext) -> Response:
    """Figures for Prometheus; for the administrator, or with the metrics token as bearer."""
    return Response(generate_latest(registry_of(context)), media_type=CONTENT_TYPE_LATEST)
