"""Files that strangers send: read within limits.

Promises: so many files, none larger than its limit, fields as text; whatever the form says of types and names is not
believed. Not here: what the bytes are (`alerts/photos.py`, `alerts/videos.py`).
"""

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from alerts.photos import sniff
from alerts.videos import TYPES as VIDEO_TYPES
from api.problems import ProblemError
from configs.village import ReportLimits


@dataclass(frozen=True, slots=True)
class Form:
    """A form's text fields and the bytes of its files."""

    fields: dict[str, str]
    files: list[bytes]


async def read_form(request: Request, limits: ReportLimits, most_fields: int = 16) -> Form:
    """The form of a request. Raises ProblemError."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
        raise ProblemError("bad-media-type", "send multipart/form-data")
    try:
        form = await request.form(max_files=limits.photos, max_fields=most_fields, max_part_size=16_384)
    except (MultiPartException, HTTPException) as error:
        said = getattr(error, "message", None) or getattr(error, "detail", None)
        raise ProblemError("bad-request", f"at most {limits.photos} photos and short texts ({said})") from None
    fields: dict[str, str] = {}
    files: list[bytes] = []
    videos = 0
    try:
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                fields[name] = value
                continue
            if not value.size:
                continue
            data = await _read(value, limits)
            videos += sniff(data) in VIDEO_TYPES
            files.append(data)
    finally:
        await form.close()
    if videos > 1 or (videos and len(files) > 1):
        raise ProblemError("bad-request", "photos, or one video: not both")
    return Form(fields, files)


async def _read(upload: UploadFile, limits: ReportLimits) -> bytes:
    head = await upload.read(8192)
    megabytes = limits.video_megabytes if sniff(head) in VIDEO_TYPES else limits.photo_megabytes
    if (upload.size or 0) > megabytes * 1e6:
        raise ProblemError("too-large", f"at most {megabytes:g} MB for this file")
    return head + await upload.read()


def multipart_schema(properties: dict[str, Any], files: str) -> dict[str, Any]:
    """How OpenAPI is told of a form that is read by hand."""
    shown = properties | {files: {"type": "array", "items": {"type": "string", "format": "binary"}}}
    return {
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": {"type": "object", "properties": shown}}},
        }
    }
