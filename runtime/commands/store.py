"""`vbrain store`: what was recorded, on disk and in the database."""

from collections import Counter
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from models.errors import DatabaseUnavailable
from runtime.commands.screen import done, fail, out, step, warn
from runtime.commands.users import open_or_fail
from runtime.folders import Folders
from runtime.recording_check import Fault, audit

store = typer.Typer(help="What was recorded, on disk and in the database.", no_args_is_help=True)

_MEANING = {
    Fault.UNFINISHED: "left unfinished by a process that was killed",
    Fault.ORPHAN: "on disk, but not written down",
    Fault.MISSING: "written down, but not on disk",
    Fault.TRUNCATED: "of another size than written down",
    Fault.ALTERED: "of other content than written down (SHA-256)",
    Fault.DELETING: "marked to be deleted, and still there",
    Fault.FOREIGN: "not a file of ours; left alone",
}
_SHOWN = 20


@store.command("check")
def check(
    repair: Annotated[bool, typer.Option("--repair", help="put in order what can be")] = False,
    hashes: Annotated[bool, typer.Option("--hashes", help="read every file and compare its SHA-256")] = False,
) -> None:
    """Audit recordings and evidence against the database, both ways. Safe while the village runs.

    Ends with status 1 when something was found that is not put in order."""
    folders = Folders.from_environment()
    database = open_or_fail(folders)
    try:
        with step("comparing the files with the database"):
            report = audit(database, folders.recordings, folders.evidence, repair=repair, hashes=hashes)
    except (OSError, DatabaseUnavailable, SQLAlchemyError) as error:
        fail(
            f"the audit could not be finished: {error}" if not isinstance(error, SQLAlchemyError) else "database failed"
        )
    finally:
        database.close()
    for fault, count in report.counts.items():
        warn(f"{count} {_MEANING[fault]}:")
        of_kind = [f for f in report.findings if f.fault is fault]
        for finding in of_kind[:_SHOWN]:
            remedy = f"  → {finding.remedy}" if finding.remedy and repair else ""
            out.print(f"    {finding.path}{remedy}", markup=False, soft_wrap=True)
        if count > _SHOWN:
            out.print(f"    … and {count - _SHOWN} more")
    busy = f", {report.in_use} being written now" if report.in_use else ""
    summary = f"{report.files} files and {report.rows} rows compared{busy}"
    left = Counter(f.fault for f in report.findings if f.fault is not Fault.FOREIGN and not (repair and f.remedy))
    if left:
        hint = "" if repair else "; vbrain store check --repair puts in order what can be"
        fail(f"{summary}; {sum(left.values())} not in order{hint}")
    done(f"{summary}; {report.repaired} put in order" if report.repaired else f"{summary}; all is in order")
