"""A village with people in it, for tests of incidents: users of every role, drafts, steps."""

from datetime import UTC, datetime

from sqlalchemy import select

from alerts.incidents import raise_alert
from alerts.lifecycle import Wish, apply_action
from alerts.words import AlertDraft, Reason
from configs.site import Place
from configs.words import CameraId, IncidentKind, Instant, Role
from models.base import new_id
from models.session import Database
from models.tables import Evidence, Incident, User

#: A Monday, 10:00 in the village.
NOON = datetime(2026, 5, 4, 2, 0, tzinfo=UTC)

USERS = {
    "admin": Role.ADMINISTRATOR,
    "operator": Role.OPERATOR,
    "grid1": Role.GRID_WORKER,
    "grid2": Role.GRID_WORKER,
    "grid3": Role.GRID_WORKER,
    "night1": Role.GRID_WORKER,
    "enforcement1": Role.ENFORCEMENT_OFFICER,
    "planner": Role.PLANNER,
    "viewer": Role.VIEWER,
    "citizen": Role.CITIZEN,
}


def add_users(database: Database) -> dict[str, str]:
    """Adds everybody; their ids by name."""
    with database.session() as session:
        for name, role in USERS.items():
            session.add(User(username=name, display_name=name, password_hash="-", role=role.value))
    with database.reading() as session:
        return {u.username: u.id for u in session.scalars(select(User))}


def draft(
    kind: IncidentKind = IncidentKind.FIRE, at: float = NOON.timestamp(), camera: str | None = "straw-yard",
    severity: int = 3,
) -> AlertDraft:  # fmt: skip
    """A confirmed sighting."""
    where = CameraId(camera) if camera else None
    reason = Reason("因为", "because")
    return AlertDraft(kind, where, Instant(at - 2), Instant(at), 0.9, severity, reason, (), {"looks": 3})


def raised(database: Database, one: AlertDraft, place: Place | None = Place(x=0.45, y=0.45)) -> str:  # noqa: B008
    """The id of the incident that the draft led to."""
    with database.session() as session:
        return raise_alert(session, new_id(), one, place).incident.id


def read(database: Database, incident_id: str) -> Incident:
    """The incident as it stands."""
    with database.reading() as session:
        return session.get_one(Incident, incident_id)


def act(
    database: Database, people: dict[str, str], who: str | None, incident_id: str, action: str,
    note: str | None = None, version: int | None = None, **wish: object,
) -> Incident:  # fmt: skip
    """One step by `who` (None: the system) at the present version, or a given one."""
    with database.session() as session:
        present = version if version is not None else session.get_one(Incident, incident_id).version
        role = USERS[who] if who else None
        given = Wish(**wish)  # type: ignore[arg-type]
        return apply_action(session, incident_id, action, people[who] if who else None, role, present, note, given)


def add_photo(database: Database, incident_id: str, user_id: str, at: datetime) -> None:
    """A photo that somebody took there."""
    with database.session() as session:
        session.add(
            Evidence(
                incident_id=incident_id, purpose="resolution", added_by=user_id, media_type="image/jpeg", path="a.jpg",
                sha256="0" * 64, size_bytes=1, captured_at=at,
            )
        )  # fmt: skip
