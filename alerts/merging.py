"""Joining and parting incidents by hand.

Promises: joined incidents keep their own timelines, and every alert knows where it came from; parting gives alerts back
to the incident they came from when that is the whole of it, else to a new one. Both sides' timelines say what happened.
Not here: what joins by itself (`matching.py`).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from alerts import provenance
from alerts.clocks import start_clock
from alerts.duty import area_of
from alerts.lifecycle import IllegalTransition, NotAllowed, StaleIncident, Wish, apply_action
from alerts.states import ENDED, IncidentState
from alerts.timeline import record
from alerts.transitions import Action
from configs.village import incident_kinds, village
from configs.words import Role
from models.base import utc_now
from models.governance import MergeProposal
from models.tables import Alert, Incident

_DESK = frozenset({Role.ADMINISTRATOR, Role.OPERATOR})


class ProposalNotFound(Exception):
    """There is no such proposal."""


def split(
    session: Session,
    incident_id: str,
    alert_ids: Sequence[str],
    actor_id: str | None,
    role: Role,
    version: int,
    note: str | None = None,
    address: str | None = None,
) -> Incident:
    """Takes these alerts out into an incident of their own, which it returns. Raises as `apply_action` does."""
    if role not in _DESK:
        raise NotAllowed("split is for the operator")
    incident = session.get(Incident, incident_id, with_for_update=True)
    if incident is None or incident.version != version:
        raise StaleIncident("the incident has changed since; read it again")
    if IncidentState(incident.state) in ENDED:
        raise IllegalTransition(f"split does not follow from {incident.state}")
    alerts = list(session.scalars(select(Alert).where(Alert.incident_id == incident.id).order_by(Alert.raised_at)))
    wanted = [a for a in alerts if a.id in set(alert_ids)]
    if not wanted or len(wanted) != len(set(alert_ids)):
        raise IllegalTransition("split needs alerts of this incident")
    if len(wanted) == len(alerts):
        raise IllegalTransition("an incident keeps at least one alert; nothing would be left")
    now = utc_now()
    other = _home_of(session, incident, wanted, alerts, now) or _new_home(session, wanted, now)
    moved = provenance.move(session, wanted, other)
    for one, link in ((incident, "into"), (other, "from")):
        details = {link: other.id if one is incident else incident.id, "alerts": moved}
        record(
            session, one, "split", now, was=one.state, actor_id=actor_id, note=note, address=address, details=details,
            topic="incident.opened" if one is other else "incident.changed",
        )  # fmt: skip
    # Whoever looked at the old list of alerts is stale: this changes the version.
    flag_modified(incident, "last_alert_at")
    session.flush()
    return other


def _home_of(
    session: Session, incident: Incident, wanted: list[Alert], alerts: list[Alert], now: datetime
) -> Incident | None:
    """The merged incident that these alerts are the whole of; it lives again."""
    origins = {a.origin_incident_id for a in wanted}
    if len(origins) != 1:
        return None
    origin = session.get(Incident, origins.pop() or "", with_for_update=True)
    if origin is None or origin.merged_into != incident.id:
        return None
    if {a.id for a in alerts if a.origin_incident_id == origin.id} != {a.id for a in wanted}:
        return None
    origin.merged_into, origin.closed_at = None, None
    origin.state = IncidentState.CONFIRMED.value if origin.confirmed_at else IncidentState.NEW.value
    start_clock(origin, now, incident_kinds())
    return origin


def _new_home(session: Session, wanted: list[Alert], now: datetime) -> Incident:
    first = wanted[0]
    area = area_of(village(), (first.place_x, first.place_y)) if first.place_x and first.place_y else None
    made = Incident(
        kind=first.kind,
        state=IncidentState.NEW.value,
        camera_id=first.camera_id,
        severity=2,
        place_x=first.place_x,
        place_y=first.place_y,
        area_id=area.id if area else None,
        source="camera" if first.camera_id else "citizen",
        summary_zh=first.reason_zh,
        summary_en=first.reason_en,
        opened_at=first.raised_at,
        last_alert_at=wanted[-1].raised_at,
    )
    start_clock(made, now, incident_kinds())
    session.add(made)
    session.flush()
    return made


def decide(
    session: Session, proposal_id: str, merge: bool, actor_id: str, role: Role, address: str | None = None
) -> MergeProposal:
    """Joins what was proposed, or keeps it apart. Raises ProposalNotFound, NotAllowed, IllegalTransition."""
    if role not in _DESK:
        raise NotAllowed("that is for the operator")
    proposal = session.get(MergeProposal, proposal_id, with_for_update=True)
    if proposal is None:
        raise ProposalNotFound("there is no such proposal")
    if proposal.decision is not None:
        raise StaleIncident("somebody has decided this already")
    if merge:
        other = session.get_one(Incident, proposal.other_id)
        wish = Wish(other_id=proposal.incident_id, address=address, details={"because": proposal.reason_en})
        apply_action(session, other.id, Action.DUPLICATE, actor_id, role, other.version, None, wish)
    proposal.decision = "merged" if merge else "kept_apart"
    proposal.decided_at, proposal.decided_by = utc_now(), actor_id
    session.flush()
    return proposal


def open_proposals(session: Session, limit: int = 100) -> list[MergeProposal]:
    """What waits for a decision and can still be decided, the newest first."""
    one, other = Incident.__table__.alias("one"), Incident.__table__.alias("other")
    query = (
        select(MergeProposal)
        .join(one, one.c.id == MergeProposal.incident_id)
        .join(other, other.c.id == MergeProposal.other_id)
        .where(MergeProposal.decision.is_(None), one.c.closed_at.is_(None), other.c.closed_at.is_(None))
        .order_by(MergeProposal.created_at.desc(), MergeProposal.id)
        .limit(limit)
    )
    return list(session.scalars(query))
