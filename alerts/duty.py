"""Who is the right one to send: by place, kind, and hours of duty.

Promises: whoever stands first in the roster, fits the place and the kind, is on duty now, may be sent to such a thing,
and has neither declined nor been asked already; with nobody of the area left, whoever else is on duty. Not here: asking
them (`assignments.py`).
"""

from collections.abc import Collection
from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts.assignments import ACTIVE
from configs.kinds import KindRules
from configs.site import AlwaysOrHours
from configs.village import Area, Day, Duty, Village
from configs.words import IncidentKind, Point
from flow.geometry import contains
from models.governance import Assignment
from models.tables import User

#: Rosters are written in the village's own time.
DEFAULT_ZONE = ZoneInfo("Asia/Shanghai")


def area_of(village: Village, place: Point | None) -> Area | None:
    """The grid area a place lies in; the first that holds it."""
    if place is None:
        return None
    return next((a for a in village.areas if contains(a.polygon, place)), None)


def within_hours(hours: AlwaysOrHours, moment: time) -> bool:
    """Whether a local time of day falls into any of the spans; one that ends before it starts runs over midnight."""
    if hours == "always":
        return True
    for span in hours:
        if span.start < span.end:
            if span.start <= moment < span.end:
                return True
        elif moment >= span.start or moment < span.end:
            return True
    return False


def on_duty(duty: Duty, local: datetime) -> bool:
    """Whether somebody's duty covers that local moment. After midnight a night belongs to the day it began on."""
    days = list(Day)
    if duty.hours == "always":
        return days[local.weekday()] in duty.days
    now = local.time().replace(tzinfo=None)
    for span in duty.hours:
        over_midnight = span.start > span.end
        if now >= span.start and (over_midnight or now < span.end) and days[local.weekday()] in duty.days:
            return True
        if over_midnight and now < span.end and days[local.weekday() - 1] in duty.days:
            return True
    return False


def candidates(
    session: Session,
    village: Village,
    rules: KindRules,
    area_id: str | None,
    now: datetime,
    exclude: Collection[str] = (),
    zone: ZoneInfo = DEFAULT_ZONE,
) -> list[User]:
    """Whom to send, the best first: of the area before others, then who is on the fewest incidents, then the roster."""
    local = now.astimezone(zone)
    kind = IncidentKind(rules.kind)
    fitting = [d for d in village.roster if (not d.kinds or kind in d.kinds) and on_duty(d, local)]
    names = list(dict.fromkeys(d.username for d in fitting))
    allowed = {role.value for role in rules.roles}
    users = {
        u.username: u
        for u in session.scalars(select(User).where(User.username.in_(names), User.disabled.is_(False)))
        if u.role in allowed and u.id not in exclude
    }
    busy_query = (
        select(Assignment.user_id, func.count())
        .where(Assignment.user_id.in_([u.id for u in users.values()]), Assignment.state.in_([s.value for s in ACTIVE]))
        .group_by(Assignment.user_id)
    )
    busy = {row[0]: row[1] for row in session.execute(busy_query)}

    def rank(duty: Duty) -> int:
        if area_id is not None and area_id in duty.areas:
            return 0
        return 1 if not duty.areas else 2

    best: dict[str, tuple[int, int, int]] = {}
    for position, duty in enumerate(fitting):
        if duty.username in users:
            user = users[duty.username]
            key = (rank(duty), busy.get(user.id, 0), position)
            best[user.id] = min(best.get(user.id, key), key)
    return sorted(users.values(), key=lambda u: best[u.id])
