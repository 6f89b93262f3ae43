"""The life of an incident: taking a step of it.

Promises: every change is one appended row of the timeline; who writes on a stale version is told so; a step that is
refused changes nothing. Not here: which step may follow which, and who may take it (`transitions.py`), how an incident
begins (`incidents.py`), how long a step may take (`clocks.py`), how two become one (`merging.py`), what follows from a
step (`consequences.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from alerts import assignments as people
from alerts import provenance
from alerts.assignments import AssignmentState
from alerts.clocks import deadline, start_clock
from alerts.consequences import after_step
from alerts.duty import candidates
from alerts.states import ENDED, IncidentState
from alerts.timeline import record
from alerts.transitions import FIELD, TRANSITIONS, Action, Transition
from configs.kinds import IncidentKinds
from configs.village import Village, incident_kinds, village
from configs.words import IncidentKind, Point, Role
from models.base import utc_now
from models.governance import Assignment
from models.tables import Evidence, Incident, User

_STATE_OF_PEOPLE = {
    None: IncidentState.CONFIRMED,
    AssignmentState.ASKED: IncidentState.DISPATCHED,
    AssignmentState.ACCEPTED: IncidentState.ACCEPTED,
    AssignmentState.ARRIVED: IncidentState.ON_SITE,
}


class IncidentNotFound(Exception):
    """There is no such incident."""


class NotAllowed(Exception):
    """This person may not do that."""


class IllegalTransition(Exception):
    """That step does not follow from where the incident stands, or lacks something it needs."""


class StaleIncident(Exception):
    """Somebody else changed the incident since it was read."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What goes with a step: for whom (users' ids), which other incident, where the caller stands."""

    assignees: Sequence[str] = ()
    other_id: str | None = None
    place: Point | None = None
    address: str | None = None
    now: datetime | None = None
    details: dict[str, Any] = field(default_factory=dict)


def apply_action(
    session: Session,
    incident_id: str,
    action: str,
    actor_id: str | None,
    role: Role | None,
    version: int,
    note: str | None = None,
    wish: Wish | None = None,
    rules: tuple[Village, IncidentKinds] | None = None,
) -> Incident:
    """Takes one step and flushes it, together with its row of the timeline, what follows, and what must be told.

    No role: the system itself. Raises IncidentNotFound, NotAllowed, IllegalTransition or StaleIncident; then nothing
    was changed.
    """
    wish = wish or Wish()
    place, kinds = rules or (village(), incident_kinds())
    incident = session.scalar(select(Incident).where(Incident.id == incident_id).with_for_update())
    if incident is None:
        raise IncidentNotFound(f"there is no incident {incident_id}")
    if incident.version != version:
        raise StaleIncident(f"the incident is now at version {incident.version}, {incident.state}; read it again")
    try:
        step = Action(action)
    except ValueError:
        raise IllegalTransition(f"no action {action!r}; actions are {', '.join(Action)}") from None
    crew = people.assignments_of(session, incident.id)
    transition = TRANSITIONS[step]
    note = (note or "").strip() or None
    mine = people.of_user(crew, actor_id)
    _check(session, incident, step, transition, role, mine, note, kinds)
    now = wish.now or utc_now()
    was = IncidentState(incident.state)
    details = dict(wish.details)
    _Taker(session, incident, crew, mine, wish, actor_id, now, place, kinds, details).take(step)
    if transition.by_people:
        incident.state = _STATE_OF_PEOPLE[people.furthest(crew)].value
    elif transition.target is not None:
        incident.state = transition.target.value
    _settle(incident, step, was, crew, now, kinds)
    details |= after_step(session, incident, step.value, now, place, kinds)
    record(
        session, incident, step.value, now, was=was.value, actor_id=actor_id, note=note, address=wish.address,
        details=details,
    )  # fmt: skip
    try:
        session.flush()
    except StaleDataError:
        session.rollback()
        raise StaleIncident("somebody else changed the incident at the same moment; read it again") from None
    return incident


def _check(
    session: Session,
    incident: Incident,
    step: Action,
    transition: Transition,
    role: Role | None,
    mine: Assignment | None,
    note: str | None,
    kinds: IncidentKinds,
) -> None:
    if role not in transition.roles and not (role is None and transition.by_system):
        raise NotAllowed(f"{step} is for {', '.join(sorted(transition.roles)) or 'the system alone'}")
    if IncidentState(incident.state) not in transition.sources:
        raise IllegalTransition(f"{step} does not follow from {incident.state}")
    if transition.assigned and role in FIELD and mine is None:
        raise NotAllowed(f"{step} is for somebody who was sent to this incident")
    if transition.needs_note and note is None:
        raise IllegalTransition(f"{step} needs a sentence that says what was done")
    photo = transition.needs_photo and kinds.by_kind[IncidentKind(incident.kind)].photo_to_resolve
    if photo and not _has_photo(session, incident):
        raise IllegalTransition(f"{step} of {incident.kind} needs a photo taken there; add one first")


def _has_photo(session: Session, incident: Incident) -> bool:
    """A photo that somebody added since the incident was last confirmed."""
    query = select(Evidence.id).where(Evidence.incident_id == incident.id, Evidence.media_type.like("image/%"))
    if incident.confirmed_at is not None:
        query = query.where(Evidence.captured_at >= incident.confirmed_at)
    return session.scalar(query.limit(1)) is not None


@dataclass(slots=True)
class _Taker:
    """What a step does besides changing the state."""

    session: Session
    incident: Incident
    crew: list[Assignment]
    mine: Assignment | None
    wish: Wish
    actor_id: str | None
    now: datetime
    village: Village
    kinds: IncidentKinds
    details: dict[str, Any]

    def take(self, step: Action) -> None:
        if step in (Action.DISPATCH, Action.CALL_IN, Action.REASSIGN):
            self._send(release=step is Action.REASSIGN)
        elif step is Action.ACCEPT:
            self._answer(AssignmentState.ACCEPTED)
        elif step is Action.DECLINE:
            self._answer(AssignmentState.DECLINED)
        elif step is Action.TIME_OUT:
            late = [a for a in self.crew if a.state == AssignmentState.ASKED.value and a.due_at <= self.now]
            if not late:
                raise IllegalTransition("nobody's time to answer has run out")
            people.end(late, AssignmentState.TIMED_OUT, self.now)
            self.details["timed_out"] = [a.user_id for a in late]
        elif step is Action.ARRIVE:
            self._arrive()
        elif step is Action.RESOLVE:
            people.finish(self.crew, self.now)
        elif step is Action.DUPLICATE:
            self._join_other()
        elif step is Action.REOPEN and self.incident.merged_into is not None:
            self.details["alerts"] = provenance.take_back(self.session, self.incident)
        elif step is Action.ESCALATE:
            self.incident.escalation_level += 1
            self.details.setdefault("level", self.incident.escalation_level)

    def _send(self, release: bool) -> None:
        rules = self.kinds.by_kind[IncidentKind(self.incident.kind)]
        chosen = list(dict.fromkeys(self.wish.assignees)) or self._best(rules)
        allowed = {role.value for role in rules.roles}
        found = {u.id: u for u in self.session.scalars(select(User).where(User.id.in_(chosen)))}
        for user_id in chosen:
            user = found.get(user_id)
            if user is None or user.disabled:
                raise IllegalTransition(f"there is no user {user_id} who could be sent")
            if user.role not in allowed:
                raise IllegalTransition(f"{user.display_name} may not be sent to {self.incident.kind}")
        if release:
            people.end(people.active(self.crew), AssignmentState.RELEASED, self.now)
            self.incident.lead_id = None
        due_at = deadline(rules, IncidentState.DISPATCHED, self.now)
        asked = people.ask(
            self.session, self.incident.id, chosen, self.actor_id, self.now, due_at or self.now, self.crew
        )
        if not asked:
            raise IllegalTransition("everybody who was named is on it already")
        self.details["assigned"] = [a.user_id for a in asked]

    def _best(self, rules: Any) -> list[str]:
        best = candidates(
            self.session, self.village, rules, self.incident.area_id, self.now, {a.user_id for a in self.crew}
        )
        if not best:
            raise IllegalTransition("nobody on duty fits; name whom to send")
        return [best[0].id]

    def _answer(self, state: AssignmentState) -> None:
        assert self.mine is not None
        if state is AssignmentState.ACCEPTED and self.mine.state != AssignmentState.ASKED.value:
            raise IllegalTransition("you have accepted already")
        self.mine.answered_at = self.mine.answered_at or self.now
        self.mine.state = state.value
        if state is AssignmentState.DECLINED:
            self.mine.ended_at = self.now

    def _arrive(self) -> None:
        assert self.mine is not None
        if self.mine.state == AssignmentState.ARRIVED.value:
            raise IllegalTransition("you are on site already")
        self.details["by"] = self._proof_of_presence()
        self.mine.answered_at = self.mine.answered_at or self.now
        self.mine.arrived_at = self.now
        self.mine.state = AssignmentState.ARRIVED.value

    def _proof_of_presence(self) -> str:
        """Their phone is near, or they took a photo there. Of an incident without a place, their word must do."""
        incident = self.incident
        if incident.place_x is None or incident.place_y is None:
            return "word"
        if self.wish.place is not None:
            metres = self.village.plan.metres(self.wish.place, (incident.place_x, incident.place_y))
            if metres <= self.village.on_site_metres:
                return "location"
        query = select(Evidence.id).where(Evidence.incident_id == incident.id, Evidence.added_by == self.actor_id)
        if self.session.scalar(query.limit(1)) is not None:
            return "photo"
        raise IllegalTransition("arrive needs your location near the incident, or a photo taken there")

    def _join_other(self) -> None:
        other = self.session.get(Incident, self.wish.other_id or "", with_for_update=True)
        if other is None or other.id == self.incident.id or IncidentState(other.state) in ENDED:
            raise IllegalTransition("duplicate needs the other open incident that this one is the same as")
        self.details |= {"into": other.id, "alerts": provenance.give_over(self.session, self.incident, other)}
        record(
            self.session, other, "merged", self.now, was=other.state, actor_id=self.actor_id,
            address=self.wish.address, details={"from": self.incident.id, "alerts": self.details["alerts"]},
        )  # fmt: skip


def _settle(
    incident: Incident, step: Action, was: IncidentState, crew: list[Assignment], now: datetime, kinds: IncidentKinds
) -> None:
    """Brings moments, clock, lead and people into line with the new state."""
    state = IncidentState(incident.state)
    if state in ENDED:
        people.end(people.active(crew), AssignmentState.RELEASED, now)
    if step is Action.REOPEN:
        incident.confirmed_at = None
    if state is not IncidentState.NEW and state is not IncidentState.DUPLICATE:
        incident.confirmed_at = incident.confirmed_at or now
    reached = {
        IncidentState.DISPATCHED: ("dispatched_at",),
        IncidentState.ACCEPTED: ("dispatched_at", "accepted_at"),
        IncidentState.ON_SITE: ("dispatched_at", "accepted_at", "arrived_at"),
        IncidentState.CONFIRMED: (),
    }
    if state in reached:
        for name in ("dispatched_at", "accepted_at", "arrived_at", "resolved_at"):
            setattr(incident, name, (getattr(incident, name) or now) if name in reached[state] else None)
        furthest = [a for a in people.active(crew) if a.state != AssignmentState.ASKED.value]
        if incident.lead_id not in {a.user_id for a in furthest}:
            incident.lead_id = furthest[0].user_id if furthest else None
    elif state is IncidentState.RESOLVED:
        incident.resolved_at = now
    incident.closed_at = (incident.closed_at if was == state else now) if state in ENDED else None
    if state != was or step in (Action.DISPATCH, Action.REASSIGN):
        incident.escalation_level = 0
        start_clock(incident, now, kinds)
