"""Citizens' reports: from photos, a place and a sentence to an alert.

Promises: a report, its alert, its incident and what must be told commit in one transaction; a report is never dropped
for who sent it (their record only ranks). Not here: what the reporter does afterwards (`followup.py`), uploads
(`api/routes/reports.py`), WeChat (`wechat.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.codes import code_hash, new_code, person_hash
from alerts.evidence import EvidenceFile, EvidenceStore
from alerts.incidents import Raised, raise_alert
from alerts.matching import opening_lock
from alerts.photos import SAME_BITS, Photo, bits_apart, clean_photo, sniff
from alerts.videos import TYPES as VIDEO_TYPES
from alerts.videos import clean_video
from alerts.words import AlertDraft, Reason
from configs.kinds import IncidentKinds
from configs.site import Place
from configs.village import ReportLimits, Village, incident_kinds, village
from configs.words import IncidentKind, Instant
from models.base import new_id, utc_now
from models.citizens import Report, Reporter
from models.tables import Evidence

#: Pictures of the last so many hours are compared for near-duplicates.
_COMPARED = timedelta(hours=48)
_MOST_COMPARED = 2000


class ReportError(Exception):
    """It cannot be done; the sentences say why."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a model makes of a photo."""

    kind: IncidentKind
    confidence: float


class PhotoJudge(Protocol):
    """Looks at a clean JPEG and suggests a kind; None when it sees nothing of note. The runtime brings a real one."""

    def __call__(self, jpeg: bytes) -> Suggestion | None: ...


@dataclass(frozen=True, slots=True)
class Media:
    """Everything that came with a report, cleaned and stored, and what it gave away."""

    files: tuple[EvidenceFile, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    suggestion: Suggestion | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What a reporter says. `spot` is a pin on the plan; `device` is where the phone says it is. `reporter` is the
    channel they are known by (phone, device, wechat) and the key there; none: anonymous."""

    sentence: str = ""
    kind: IncidentKind | None = None
    phone: str | None = None
    spot: tuple[float, float] | None = None
    device: tuple[float, float] | None = None
    reporter: tuple[str, str] | None = None
    source: str = "web"
    address: str | None = None
    media: Media = field(default_factory=Media)


@dataclass(frozen=True, slots=True)
class Taken:
    """A report that was taken; the code is shown this once."""

    code: str
    report: Report
    raised: Raised


def take_media(
    uploads: Sequence[bytes], limits: ReportLimits, store: EvidenceStore, judge: PhotoJudge | None, now: datetime
) -> Media:
    """Cleans and stores photos (or one video). Raises UnusableMedia, OSError; slow, so call it before a session."""
    at = Instant(now.timestamp())
    photos: list[Photo] = []
    files: list[EvidenceFile] = []
    place: tuple[float, float] | None = None
    for data in uploads:
        if sniff(data) in VIDEO_TYPES:
            video = clean_video(data, limits.video_seconds)
            files.append(store.save(video.data, "video/mp4", ".mp4", at))
            if place is None and video.latitude is not None and video.longitude is not None:
                place = (video.latitude, video.longitude)
            continue
        photo = clean_photo(data, limits.photo_megapixels)
        saved = store.save(photo.jpeg, "image/jpeg", ".jpg", at)
        photos.append(photo)
        files.append(EvidenceFile(saved.path, saved.media_type, saved.sha256, saved.size_bytes, at, phash=photo.phash))
        if place is None and photo.latitude is not None and photo.longitude is not None:
            place = (photo.latitude, photo.longitude)
    suggestion = None
    if judge is not None:
        seen = [s for s in (judge(p.jpeg) for p in photos) if s is not None]
        suggestion = max(seen, key=lambda s: s.confidence, default=None)
    return Media(tuple(files), place[0] if place else None, place[1] if place else None, suggestion)


def submit(
    session: Session, given: Given, now: datetime | None = None, rules: tuple[Village, IncidentKinds] | None = None
) -> Taken:
    """Takes a report. Raises ReportError when it says nothing at all."""
    settings, kinds = rules or (village(), incident_kinds())
    now = now or utc_now()
    opening_lock(session)
    sentence = " ".join(given.sentence.split())[:1000]
    if not sentence and not given.media.files:
        raise ReportError("请至少写一句话或附一张照片", "say a sentence or add a photo")
    reporter = _reporter(session, given.reporter, now)
    similar_to = _near_duplicate(session, given.media.files, now)
    kind, because = _kind(given)
    spot, place_from, globe = _place(given, settings)
    rules_of_kind = kinds.by_kind[kind]
    trust = _trust(reporter)
    suggestion = given.media.suggestion
    numbers = {
        "report": True,
        "trust": round(trust, 2),
        "kind_from": because,
        "place_from": place_from,
        "photos": len(given.media.files),
    }
    if suggestion is not None:
        numbers |= {"model_kind": suggestion.kind.value, "model_confidence": round(suggestion.confidence, 3)}
    words = sentence or rules_of_kind.name.zh
    draft = AlertDraft(
        kind=kind,
        camera_id=None,
        first_seen_at=Instant(now.timestamp()),
        raised_at=Instant(now.timestamp()),
        confidence=min(0.99, max(trust, suggestion.confidence if suggestion and suggestion.kind is kind else 0.0)),
        severity=max(1, 5 - rules_of_kind.priority),
        reason=Reason(zh=f"群众上报：{words}", en=f"Citizen's report: {sentence or rules_of_kind.name.en}"),
        numbers=numbers,
    )
    place = Place(x=spot[0], y=spot[1]) if spot else None
    raised = raise_alert(session, new_id(), draft, place, given.media.files, source="citizen", rules=(settings, kinds))
    code = new_code()
    report = Report(
        code_hash=code_hash(code),
        alert_id=raised.alert.id,
        reporter_id=reporter.id if reporter else None,
        source=given.source,
        sentence=sentence,
        phone=(given.phone or "").strip()[:32] or None,
        place_from=place_from,
        latitude=globe[0] if globe else None,
        longitude=globe[1] if globe else None,
        created_at=now,
        similar_to=similar_to,
    )
    session.add(report)
    if reporter is not None:
        reporter.last_report_id, reporter.last_report_at = report.id, now
    session.flush()
    return Taken(code, report, raised)


def _kind(given: Given) -> tuple[IncidentKind, str]:
    """A fire that the model is sure of is one, whatever the reporter ticked; else the reporter's word holds."""
    suggestion = given.media.suggestion
    grave = (IncidentKind.FIRE, IncidentKind.SMOKE)
    if suggestion is not None and suggestion.kind in grave and suggestion.confidence >= 0.6:
        return (given.kind, "reporter") if given.kind in grave else (suggestion.kind, "model")
    if given.kind is not None:
        return given.kind, "reporter"
    return (suggestion.kind, "model") if suggestion is not None else (IncidentKind.OTHER, "none")


def _place(
    given: Given, settings: Village
) -> tuple[tuple[float, float] | None, str | None, tuple[float, float] | None]:
    """A pin is meant; then the photo's own place; then where the phone is now."""
    exif = (given.media.latitude, given.media.longitude)
    in_exif = (exif[0], exif[1]) if exif[0] is not None and exif[1] is not None else None
    if given.spot is not None:
        return given.spot, "pin", given.device or in_exif
    for name, globe in (("exif", in_exif), ("device", given.device)):
        if globe is not None and (spot := settings.plan.on_plan(*globe)) is not None:
            return spot, name, globe
    return None, None, given.device or in_exif


def _reporter(session: Session, known_by: tuple[str, str] | None, now: datetime) -> Reporter | None:
    if known_by is None:
        return None
    channel, key = known_by
    hashed = person_hash(session, channel, key)
    reporter = session.scalar(select(Reporter).where(Reporter.key_hash == hashed))
    if reporter is None:
        reporter = Reporter(channel=channel, key_hash=hashed, created_at=now)
        reporter.verified = reporter.unfounded = 0
        session.add(reporter)
        session.flush()
    return reporter


def _trust(reporter: Reporter | None) -> float:
    """0…1: how often this person was right, one half for who is new. It ranks, and drops nothing."""
    if reporter is None:
        return 0.5
    return (reporter.verified + 1) / (reporter.verified + reporter.unfounded + 2)


def _near_duplicate(session: Session, files: Sequence[EvidenceFile], now: datetime) -> str | None:
    """The newest earlier report with (nearly) the same picture."""
    mine = [f.phash for f in files if f.phash]
    if not mine:
        return None
    query = (
        select(Evidence.phash, Report.id)
        .join(Report, Report.alert_id == Evidence.alert_id)
        .where(Evidence.phash.is_not(None), Report.created_at >= now - _COMPARED)
        .order_by(Report.created_at.desc())
        .limit(_MOST_COMPARED)
    )
    for phash, report_id in session.execute(query):
        if phash is not None and any(bits_apart(phash, one) <= SAME_BITS for one in mine):
            return str(report_id)
    return None
