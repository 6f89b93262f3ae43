"""What a reporter does with the tracking code: see how it stands, add, withdraw, rate; what the desk answers there.

Promises: whoever holds the code may, and nobody else; everything said is kept, on the report or the timeline. Not here:
taking a report (`reports.py`), points (`consequences.py`).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts.clocks import AWAITED
from alerts.codes import code_hash
from alerts.consequences import award_rating
from alerts.credit import reporter_account
from alerts.evidence import EvidenceFile
from alerts.reports import ReportError
from alerts.states import ENDED, IncidentState
from alerts.timeline import record
from configs.village import Village, village
from configs.words import IncidentKind
from models.base import utc_now
from models.citizens import Rating, Report, ReportEntry
from models.credit import CreditEntry
from models.tables import Alert, Evidence, Incident

_MOST_ENTRIES = 50


def find(session: Session, code: str, lock: bool = False) -> Report:
    """The report of a code, for one writer at a time with `lock`. Raises ReportError."""
    query = select(Report).where(Report.code_hash == code_hash(code))
    report = session.scalar(query.with_for_update() if lock else query)
    if report is None:
        raise ReportError("没有这个查询码，请核对后重试", "there is no such code; check it and try again")
    return report


def incident_of(session: Session, report: Report) -> Incident:
    """The incident that the report belongs to now, wherever it was merged."""
    return session.get_one(Incident, session.get_one(Alert, report.alert_id).incident_id)


def add(session: Session, report: Report, text: str, files: Sequence[EvidenceFile], address: str | None) -> None:
    """The reporter has more to say or to show. Raises ReportError."""
    text = " ".join(text.split())[:1000]
    if not text and not files:
        raise ReportError("请写一句话或附一张照片", "say a sentence or add a photo")
    if report.withdrawn_at is not None:
        raise ReportError("该上报已撤回", "this report was withdrawn")
    said = select(func.count()).where(ReportEntry.report_id == report.id, ReportEntry.by == "reporter")
    if (session.scalar(said) or 0) >= _MOST_ENTRIES:
        raise ReportError("补充次数已达上限", "nothing more can be added to this report")
    now = utc_now()
    session.add(ReportEntry(report_id=report.id, at=now, by="reporter", text=text))
    for file in files:
        session.add(
            Evidence(
                alert_id=report.alert_id, purpose="report", media_type=file.media_type, path=file.path,
                sha256=file.sha256, size_bytes=file.size_bytes, captured_at=now, phash=file.phash,
            )
        )  # fmt: skip
    incident = incident_of(session, report)
    record(
        session, incident, "report_added", now, was=incident.state, note=text or None, address=address,
        details={"report_id": report.id, "photos": len(files)},
    )  # fmt: skip
    session.flush()


def reply(session: Session, report: Report, text: str, actor_id: str, address: str | None) -> ReportEntry:
    """The desk tells the reporter something; it stands on the page of their code. Raises ReportError."""
    text = " ".join(text.split())[:1000]
    if not text:
        raise ReportError("请写一句话", "write a sentence")
    now = utc_now()
    entry = ReportEntry(report_id=report.id, at=now, by="desk", text=text)
    session.add(entry)
    incident = incident_of(session, report)
    record(
        session, incident, "replied", now, was=incident.state, actor_id=actor_id, note=text, address=address,
        details={"report_id": report.id},
    )  # fmt: skip
    session.flush()
    return entry


def points_of(session: Session, report: Report, incident: Incident) -> int:
    """What the incident earned the reporter, reversals taken off; 0 for one who cannot be known again."""
    if report.reporter_id is None:
        return 0
    total = select(func.coalesce(func.sum(CreditEntry.amount), 0)).where(
        CreditEntry.account_id == reporter_account(report.reporter_id), CreditEntry.subject_id == incident.id
    )
    return int(session.scalar(total) or 0)


def withdraw(session: Session, report: Report, address: str | None) -> None:
    """The reporter takes it back: that is noted, and earns nothing. Whether the incident goes on is the operator's to
    say, since a fire does not go out for being withdrawn. Raises ReportError."""
    if report.withdrawn_at is not None:
        raise ReportError("该上报已撤回", "this report was withdrawn already")
    incident = incident_of(session, report)
    if IncidentState(incident.state) in ENDED:
        raise ReportError("该事件已结束，无法撤回", "the incident has ended and cannot be withdrawn")
    now = utc_now()
    report.withdrawn_at = now
    record(
        session, incident, "report_withdrawn", now, was=incident.state, address=address,
        details={"report_id": report.id},
    )  # fmt: skip
    session.flush()


def rate(session: Session, report: Report, stars: int, sentence: str, village_: Village | None = None) -> Rating:
    """How well it was handled, 1 to 5; once. Raises ReportError."""
    incident = incident_of(session, report)
    if incident.state != IncidentState.CLOSED.value:
        raise ReportError("事件办结后才能评价", "it can be rated once it is closed")
    if report.withdrawn_at is not None:
        raise ReportError("该上报已撤回", "this report was withdrawn")
    if session.scalar(select(Rating.id).where(Rating.report_id == report.id)) is not None:
        raise ReportError("您已评价过", "you have rated this already")
    now = utc_now()
    rating = Rating(
        report_id=report.id, incident_id=incident.id, worker_id=incident.lead_id, stars=stars,
        sentence=" ".join(sentence.split())[:500], at=now,
    )  # fmt: skip
    session.add(rating)
    session.flush()
    award_rating(session, rating, IncidentKind(incident.kind), village_ or village(), now)
    record(
        session, incident, "rated", now, was=incident.state, details={"report_id": report.id, "stars": stars}
    )  # fmt: skip
    session.flush()
    return rating


def steps_of(incident: Incident, report: Report) -> list[tuple[str, datetime]]:
    """What a reporter is told of the way to 办结: (step, when), in order."""
    found = [("received", report.created_at)]
    for name, moment in (
        ("confirmed", incident.confirmed_at),
        ("dispatched", incident.dispatched_at),
        ("accepted", incident.accepted_at),
        ("on_site", incident.arrived_at),
        ("resolved", incident.resolved_at),
    ):
        if moment is not None:
            found.append((name, max(moment, report.created_at)))
    if incident.closed_at is not None:
        found.append((incident.state, incident.closed_at))
    return found


def awaited_of(incident: Incident) -> str | None:
    """The step that comes next."""
    return AWAITED.get(IncidentState(incident.state))
