"""The console: the built web pages, served by us.

Promises: files come from the build folder only; any other address gets the page itself, which knows its own routes;
hashed files are cached for ever, the page never. Not here: the pages (`web/`).
"""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from api.problems import ProblemError
from api.routes.evidence import confined

_FOR_EVER = "public, max-age=31536000, immutable"


def console_router(folder: Path) -> APIRouter:
    """The routes that serve `folder`; to be included last."""
    router = APIRouter(include_in_schema=False)

    @router.get("/{path:path}", name="console")
    @router.head("/{path:path}", name="console_head")
    def console(path: str) -> Response:
        if path == "api" or path.startswith("api/"):
            raise ProblemError("not-found")
        file = confined(folder, path) if path else None
        if file is not None and file.name != "index.html":
            hashed = path.startswith("assets/")
            return FileResponse(file, headers={"Cache-Control": _FOR_EVER if hashed else "no-cache"})
        page = folder / "index.html"
        if not page.is_file() or Path(path).suffix:
            raise ProblemError("not-found")
        return FileResponse(page, headers={"Cache-Control": "no-cache"})

    return router
