"""How long each step of an incident may take, and whether it is late.

Promises: while an incident is open it has exactly one clock, that of the step which is awaited; an ended one has none.
Not here: what happens when a clock runs out (`tick.py`), sums over many incidents (`figures.py`).
"""

from datetime import datetime, timedelta

from alerts.states import IncidentState
from configs.kinds import IncidentKinds, KindRules
from configs.words import IncidentKind
from models.tables import Incident

#: The step that each state waits for, by the name of its target in kinds.yaml.
AWAITED: dict[IncidentState, str] = {
    IncidentState.NEW: "confirm",
    IncidentState.CONFIRMED: "dispatch",
    IncidentState.DISPATCHED: "accept",
    IncidentState.ACCEPTED: "arrive",
    IncidentState.ON_SITE: "resolve",
    IncidentState.RESOLVED: "close",
}


def deadline(rules: KindRules, state: IncidentState, since: datetime) -> datetime | None:
    """When the step that `state` waits for is late; None when it waits for nothing."""
    step = AWAITED.get(state)
    return since + timedelta(seconds=getattr(rules.targets, step)) if step else None


def start_clock(incident: Incident, now: datetime, kinds: IncidentKinds) -> None:
    """Starts the clock of the incident's state at `now`."""
    incident.state_since = now
    restate_clock(incident, kinds)


def restate_clock(incident: Incident, kinds: IncidentKinds) -> None:
    """Sets the deadline anew after the kind has changed; the clock runs on."""
    since = incident.state_since or incident.opened_at
    incident.due_at = deadline(kinds.by_kind[IncidentKind(incident.kind)], IncidentState(incident.state), since)


def overdue_seconds(incident: Incident, now: datetime) -> float:
    """By how much the awaited step is late; 0 while it is not."""
    if incident.due_at is None:
        return 0.0
    return max(0.0, (now - incident.due_at).total_seconds())
