"""Where an incident may stand."""

from enum import StrEnum


class IncidentState(StrEnum):
    """Where an incident stands. 办结 is `CLOSED`."""

    NEW = "new"
    CONFIRMED = "confirmed"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    ON_SITE = "on_site"
    RESOLVED = "resolved"
    CLOSED = "closed"
    FALSE_ALARM = "false_alarm"
    DUPLICATE = "duplicate"


#: An incident in one of these needs nobody any more.
ENDED = frozenset({IncidentState.CLOSED, IncidentState.FALSE_ALARM, IncidentState.DUPLICATE})
OPEN = frozenset(IncidentState) - ENDED
