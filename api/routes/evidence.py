"""Evidence: the file behind an id, and nothing else of the disk."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from api.access import RespondingCaller, write_audit
from api.context import InContext
from api.problems import ProblemError
from api.rights import sees
from models.tables import Evidence

router = APIRouter(prefix="/api", tags=["evidence"])


@router.get(
    "/evidence/{evidence_id}",
    operation_id="get_evidence",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}, "video/mp4": {}}}, 206: {"description": "a part, as asked"}},
)
def get_evidence(evidence_id: str, caller: RespondingCaller, context: InContext, request: Request) -> Response:
    """The picture or clip. Its SHA-256 is the entity tag; parts can be asked for."""
    with context.database.reading() as session:
        row = session.get(Evidence, evidence_id)
        if row is None or not sees(context, caller, row.alert.camera_id if row.alert else None):
            raise ProblemError("evidence-not-found")
        path, media_type, sha256 = row.path, row.media_type, row.sha256
    file = confined(context.settings.evidence_dir, path)
    if file is None:
        raise ProblemError("evidence-not-found", "the file of this evidence is not on disk")
    tag = f'"{sha256}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=31536000, immutable"}
    if tag in {t.strip().removeprefix("W/") for t in request.headers.get("if-none-match", "").split(",")}:
        return Response(status_code=304, headers=headers)
    write_audit(context, caller, "evidence.view", evidence_id, request)
    return FileResponse(file, media_type=media_type, headers=headers)


def confined(folder: Path, relative: str) -> Path | None:
    """The file of that path below `folder`; None when there is none or it lies elsewhere."""
    root = folder.resolve()
    file = (root / relative).resolve()
    return file if file.is_relative_to(root) and file.is_file() else None
