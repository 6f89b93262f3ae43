"""`vbrain report`: a footfall report as a file."""

import sys
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from configs.errors import ConfigError
from configs.footfall import footfall
from models.base import utc_now
from models.errors import DatabaseUnavailable
from runtime.commands.config import load_or_fail
from runtime.commands.screen import done, err, fail, warn
from runtime.commands.users import open_or_fail
from runtime.folders import DEFAULT_CONFIG, Folders


class Format(StrEnum):
    """How the report is written."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    HTML = "html"
    PDF = "pdf"


class Language(StrEnum):
    """The report's language."""

    ZH = "zh"
    EN = "en"


def report(
    since: Annotated[str | None, typer.Option("--from", help="first day, like 2026-10-01; 30 days back")] = None,
    until: Annotated[str | None, typer.Option("--to", help="last day, included; today")] = None,
    format: Annotated[list[Format] | None, typer.Option("--format", help="may be repeated; html")] = None,
    lang: Annotated[Language, typer.Option("--lang", help="zh or en")] = Language.ZH,
    out: Annotated[
        Path | None, typer.Option("--out", help="file or folder; - writes JSON, CSV or HTML to standard output")
    ] = None,
    place: Annotated[
        str | None, typer.Option(help="one camera (its id) or one line (id/line) instead of the whole village")
    ] = None,
    forecast: Annotated[bool, typer.Option(help="with the next 14 days and how well they can be foretold")] = True,
    config: Annotated[Path, typer.Option(help="the cameras of the village")] = DEFAULT_CONFIG,
) -> None:
    """Write a footfall report: people and vehicles by gate, place, hour, weekday and holiday, and what comes next."""
    # Imported here: the other commands need none of it.
    from flow.report_files import to_csv, to_json, to_xlsx
    from flow.report_html import to_html
    from flow.report_pdf import NoPdf, to_pdf
    from flow.report_scope import UnknownPlace
    from flow.report_words import FootfallReport
    from flow.reports import BadRange, make_report

    def content(made: FootfallReport, kind: Format) -> bytes:
        if kind is Format.JSON:
            return to_json(made).encode()
        if kind is Format.CSV:
            return to_csv(made, lang)
        if kind is Format.XLSX:
            return to_xlsx(made, lang)
        page = to_html(made, lang)
        return page.encode() if kind is Format.HTML else to_pdf(page)

    site = load_or_fail(config)
    try:
        settings = footfall()
    except ConfigError as error:
        fail(str(error), status=2)
    kinds = list(dict.fromkeys(format or [Format.HTML]))
    to_screen = out is not None and str(out) == "-"
    if to_screen and (len(kinds) > 1 or kinds[0] in (Format.XLSX, Format.PDF)):
        fail("only one of json, csv or html can be written to standard output; name a file with --out")
    last = _day(until, "--to") or utc_now().astimezone(site.site.zone_info).date()
    first = _day(since, "--from") or last - timedelta(days=29)
    database = open_or_fail(Folders.from_environment())
    try:
        with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
            task = bar.add_task("footfall report", total=1.0)
            made = make_report(
                database,
                site,
                settings,
                first,
                last,
                utc_now(),
                forecast,
                lambda share, words: bar.update(task, completed=share, description=words.said(lang)),
                place,
            )
    except (BadRange, UnknownPlace, DatabaseUnavailable) as error:
        fail(str(error))
    finally:
        database.close()
    if to_screen:
        sys.stdout.buffer.write(content(made, kinds[0]))
        return
    for kind in kinds:
        where = f"{place.replace('/', '-')}-" if place else ""
        path = _path(out, f"footfall-{where}{first}-{last}", kind, len(kinds) > 1)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content(made, kind))
        except NoPdf as error:
            fail(str(error))
        except OSError as error:
            fail(f"{path} cannot be written ({error.strerror}); name another with --out")
        done(f"{path} ({path.stat().st_size / 1024:,.0f} KiB)")
    for note in made.notes:
        warn(note.said(lang))


def _day(text: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        fail(f"{option} takes a day like 2026-10-01, not {text!r}")


def _path(out: Path | None, name: str, kind: Format, several: bool) -> Path:
    """A folder, or no suffix: the usual name in it. Several formats: the suffix of each."""
    if out is None or out.is_dir() or not out.suffix:
        return (out or Path()) / f"{name}.{kind.value}"
    return out.with_suffix(f".{kind.value}") if several else out
