"""A report's page as PDF.

Promises: made by a Chromium on this box (`VBRAIN_CHROMIUM` names one that is not on the path), else by WeasyPrint where
it is installed (`pip install 'village-brain[pdf]'`); without both, one sentence that says so. The browser runs without
network use, in a folder of its own that goes afterwards, for a limited time. Not here: the page (`report_html.py`).
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

LIMIT_SECONDS = 120
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")


class NoPdf(Exception):
    """A PDF cannot be made here; the message says what to do."""


def to_pdf(page: str) -> bytes:
    """The PDF of a self-contained page. Raises NoPdf."""
    browser = _browser()
    if browser is not None:
        return _by_browser(browser, page)
    try:
        from weasyprint import HTML
    except (ImportError, OSError):
        raise NoPdf(
            "no PDF can be made on this box: install Chromium (or set VBRAIN_CHROMIUM to where it is), or "
            "pip install 'village-brain[pdf]'; or take the HTML report and print it from a browser"
        ) from None
    made: bytes = HTML(string=page).write_pdf()
    return made


def _browser() -> str | None:
    named = os.environ.get("VBRAIN_CHROMIUM")
    return named or next((found for name in _NAMES if (found := shutil.which(name))), None)


def _by_browser(browser: str, page: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="vbrain-pdf-", ignore_cleanup_errors=True) as folder:
        source, made = Path(folder, "report.html"), Path(folder, "report.pdf")
        source.write_text(page, encoding="utf-8")
        command = [
            browser, "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
            "--no-first-run", "--no-pdf-header-footer", f"--user-data-dir={folder}/profile", f"--print-to-pdf={made}",
        ]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium refuses its sandbox to root; the page is our own, without scripts
        try:
            subprocess.run(
                [*command, source.as_uri()], check=True, timeout=LIMIT_SECONDS, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            return made.read_bytes()
        except subprocess.TimeoutExpired:
            raise NoPdf(f"the browser did not finish the PDF within {LIMIT_SECONDS} seconds; try again later") from None
        except (OSError, subprocess.CalledProcessError):
            raise NoPdf(f"{Path(browser).name} could not make the PDF; take the HTML report and print it") from None
