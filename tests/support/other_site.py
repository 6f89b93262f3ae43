"""Another web site, that is not ours, with a page of its own and a package from npm."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PACKAGES = Path(__file__).resolve().parents[2] / "web" / "node_modules"


@contextmanager
def another_site(folder: Path, page: str, package: str) -> Iterator[str]:
    """Serves `page` and, under its name, `package`; gives the site's origin. Skips the test where there is none."""
    if not (PACKAGES / package).is_dir():
        pytest.skip("the console's packages are not installed; run `make web`")
    shutil.copytree(PACKAGES / package, folder / package)
    (folder / "index.html").write_text(page, encoding="utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
