"""Hours and days of a site's timezone.

Promises: every instant belongs to exactly one hour and one day, through changes of the clock and in zones that are
half an hour off; days have 23, 24 or 25 hours as they come. Not here: what is summed over them (`rollups.py`).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_STEP = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


def hour_of(at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant, in UTC, of the local hour that `at` lies in."""
    at = at.astimezone(UTC)
    offset = at.astimezone(zone).utcoffset() or timedelta()
    local = at + offset
    start = local.replace(minute=0, second=0, microsecond=0) - offset
    # Where a clock changed by less than an hour inside this one, it begins at the change.
    while start < at and (start.astimezone(zone).utcoffset() or timedelta()) != offset:
        start += _STEP
    return start


def end_of_hour(start: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the hour that begins at `start` (from `hour_of`) is over, in UTC."""
    end = start + _HOUR
    while hour_of(end, zone) == start:  # a clock that went back a little: the hour is longer by that
        end += _STEP
    while hour_of(end - _STEP, zone) != start:
        end -= _STEP
    return end


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The local date of an instant."""
    return at.astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local date, in UTC; where midnight is skipped by the clock, the one after the gap."""
    start = datetime.combine(day, time(), zone).astimezone(UTC)
    while day_of(start, zone) < day:
        start += _STEP
    return start


def span_of_day(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """[first instant, first instant of the next day), in UTC."""
    return start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)


def days_between(first: date, last: date) -> Iterator[date]:
    """All dates from `first` to `last`, both included."""
    for step in range((last - first).days + 1):
        yield first + timedelta(days=step)
