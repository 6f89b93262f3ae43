"""Counts by the hour and by the day, rolled up from minute rows, and the marks of what is still to be rolled.

Promises: the keys begin with time, so reading a range costs what the range holds, however long the history is. Not
here: how rows come about (`flow/rollups.py`), minute rows themselves (`tables.py`).
"""

from datetime import date, datetime

from sqlalchemy import LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Count

#: On SQLite the table is its own primary key: a range of time lies in one piece.
_CLUSTERED = {"sqlite_with_rowid": False}


class HourCrossing(Base):
    """Crossings of one line by one class in one hour of local time. `hour` is its first instant, `minutes` how many
    minute rows it is made of. An hour that nobody observed has no row."""

    __tablename__ = "hour_crossings"
    __table_args__ = _CLUSTERED

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    line_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    object_class: Mapped[str] = mapped_column(String(16), primary_key=True)
    crossed_in: Mapped[int] = mapped_column(Count)
    crossed_out: Mapped[int] = mapped_column(Count)
    observed_seconds: Mapped[float]
    minutes: Mapped[int]


class DayCrossing(Base):
    """The same for one local day. `profile` holds its 24 hours: three rows of 24 little-endian float32, for in, out and
    seconds observed, by the hour on the clock (an hour that comes twice when clocks go back is summed)."""

    __tablename__ = "day_crossings"
    __table_args__ = _CLUSTERED

    day: Mapped[date] = mapped_column(primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    line_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    object_class: Mapped[str] = mapped_column(String(16), primary_key=True)
    crossed_in: Mapped[int] = mapped_column(Count)
    crossed_out: Mapped[int] = mapped_column(Count)
    observed_seconds: Mapped[float]
    profile: Mapped[bytes] = mapped_column(LargeBinary)


class HourOccupancy(Base):
    """How many of one class stood in one zone in one hour; `mean` is weighted by the seconds observed."""

    __tablename__ = "hour_occupancy"
    __table_args__ = _CLUSTERED

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    zone_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    object_class: Mapped[str] = mapped_column(String(16), primary_key=True)
    least: Mapped[int]
    mean: Mapped[float]
    most: Mapped[int]
    observed_seconds: Mapped[float]
    minutes: Mapped[int]
    arrivals: Mapped[int] = mapped_column(Count, default=0, server_default=text("0"))


class DayOccupancy(Base):
    """The same for one local day. `profile`: three rows of 24 float32, for mean, most and seconds observed."""

    __tablename__ = "day_occupancy"
    __table_args__ = _CLUSTERED

    day: Mapped[date] = mapped_column(primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    zone_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    object_class: Mapped[str] = mapped_column(String(16), primary_key=True)
    least: Mapped[int]
    mean: Mapped[float]
    most: Mapped[int]
    observed_seconds: Mapped[float]
    profile: Mapped[bytes] = mapped_column(LargeBinary)
    arrivals: Mapped[int] = mapped_column(Count, default=0, server_default=text("0"))


class RollupMark(Base):
    """An hour or a day (`level`) whose rows below it have changed since it was rolled up. `touched` grows with each
    change, so that whoever changes rows holds the mark until the change is committed."""

    __tablename__ = "rollup_marks"
    __table_args__ = _CLUSTERED

    level: Mapped[str] = mapped_column(String(8), primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    touched: Mapped[int] = mapped_column(Count, default=1)


class RollupState(Base):
    """What the roll-up remembers: the timezone its hours and days follow, and up to where rows were deleted for age."""

    __tablename__ = "rollup_state"

    name: Mapped[str] = mapped_column(String(48), primary_key=True)
    value: Mapped[str] = mapped_column(String(64))


class DayStay(Base):
    """Visits to one zone by one class that began on one local day and have ended: how many, and how long in all."""

    __tablename__ = "day_stays"
    __table_args__ = _CLUSTERED

    day: Mapped[date] = mapped_column(primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    zone_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    object_class: Mapped[str] = mapped_column(String(16), primary_key=True)
    visits: Mapped[int]
    seconds: Mapped[float]
    longest_seconds: Mapped[float]


class DayHeat(Base):
    """Where in one camera's picture people, or vehicles (`family`), stood on one local day. `grid`: 18 rows of 32
    little-endian float32, the seconds stood in each cell, squeezed by zlib; `observed_seconds`: how long was looked."""

    __tablename__ = "day_heat"
    __table_args__ = _CLUSTERED

    day: Mapped[date] = mapped_column(primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    family: Mapped[str] = mapped_column(String(16), primary_key=True)
    observed_seconds: Mapped[float]
    grid: Mapped[bytes] = mapped_column(LargeBinary)


class DayPassage(Base):
    """How things of one class followed each other over one line on one local day, and how fast they went. `headways`
    and `speeds` are counts by the boxes of `flow/histograms.py`; the sums are in seconds and in metres a second."""

    __tablename__ = "day_passages"
    __table_args__ = _CLUSTERED

    day: Mapped[date] = mapped_column(primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    line_id: Mapped[str] = mapped_column(String(48), primary_key=True)
    object_class: Mapped[str] = mapped_column(String(16), primary_key=True)
    headway_sum: Mapped[float]
    speed_sum: Mapped[float]
    fastest: Mapped[float]
    headways: Mapped[bytes] = mapped_column(LargeBinary)
    speeds: Mapped[bytes] = mapped_column(LargeBinary)
