"""Three years of a village's footfall, for pages and reports that want to be looked at.

    python -m tests.support.footfall_years var/data          # fills an empty database there, up to today

Day rows as the roll-up leaves them: seasons, weekends, China's holidays, weather, growth, vehicles by hour and kind of
day, cameras that were blind for hours or days, and twelve days in which the arch had none. Made from a fixed seed. Not
here: minutes (`benchmarks/reports.py` makes those).
"""

import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.footfall import load_footfall
from configs.load import load_site
from configs.site import MonitoringPoint, Site
from configs.words import VEHICLES, CameraId
from flow.day_sums import DaySums, HeatSum, PassageSum
from flow.heat import COLUMNS, ROWS
from flow.histograms import HEADWAYS, SPEEDS
from flow.holidays import DayKind, Festival, calendar_day
from flow.local_time import day_of
from flow.profiles import pack
from flow.stays import StayRow, add_stays
from models.base import utc_now
from models.footfall import DayCrossing, DayOccupancy
from models.migrate import migrate
from models.session import Database, open_database

PROJECT = Path(__file__).resolve().parents[2]
Floats = NDArray[np.float64]

_VISITORS = np.array([0, 0, 0, 0, 0, 1, 4, 12, 32, 66, 96, 88, 52, 58, 84, 90, 72, 48, 34, 26, 14, 6, 2, 1], float)
_VILLAGERS = np.array([1, 0, 0, 0, 2, 14, 38, 62, 44, 30, 28, 40, 36, 22, 24, 30, 44, 66, 58, 40, 26, 14, 6, 2], float)
_OUT_LATER = 2
_BUSY = {Festival.NATIONAL_DAY: 6.2, Festival.LABOUR_DAY: 5.4, Festival.SPRING_FESTIVAL: 4.6, Festival.MID_AUTUMN: 3.4}


def busy(day: date, chance: np.random.Generator) -> float:
    """How many visitors a day draws, 1 on a plain workday."""
    known = calendar_day(day)
    if known.kind is DayKind.HOLIDAY:
        level = _BUSY.get(known.festival or Festival.NEW_YEAR, 3.0)
    else:
        level = {DayKind.WORKDAY: 1.0, DayKind.MAKE_UP_WORKDAY: 0.9, DayKind.WEEKEND: 2.5}[known.kind]
    spring, autumn = (
        np.exp(-(((day.timetuple().tm_yday - 98) / 26) ** 2)),
        np.exp(-(((day.timetuple().tm_yday - 290) / 34) ** 2)),
    )
    winter = 0.72 if day.month in (12, 1, 2) and known.kind is not DayKind.HOLIDAY else 1.0
    grown = 1 + 0.13 * (day - date(2023, 11, 1)).days / 365
    weather = float(chance.choice([1.0, 1.08, 0.92, 0.62, 0.4], p=[0.4, 0.25, 0.2, 0.1, 0.05]))
    return float(level * (1 + 0.75 * spring + 0.55 * autumn) * winter * grown * weather)


def blind(camera: str, day: date, until: date, chance: np.random.Generator) -> Floats:
    """Seconds observed by hour: now and then hours are missing, sometimes days."""
    seconds = np.full(24, 3600.0)
    back = (until - day).days
    if camera == "gate-1" and (300 <= back < 312 or back in (9, 10)):
        seconds[:] = 0
    elif camera == "gate-1" and back == 17:
        seconds[9:15] = 0
    elif chance.random() < 0.012:
        first = int(chance.integers(0, 20))
        seconds[first : first + int(chance.integers(2, 12))] = 0
    return seconds


def fill_years(database: Database, site: Site, until: date, years: float = 3.0, seed: int = 7) -> int:
    """Writes the day rows of all cameras that count something; returns for how many days."""
    chance = np.random.default_rng(seed)
    days = [until - timedelta(days=n) for n in range(round(365.25 * years))][::-1]
    capacities = {(c.camera, c.zone): c.people for c in load_footfall(PROJECT / "configs" / "footfall.yaml").capacities}
    draw = {camera.id: 0.25 + 0.75 * chance.random() for camera in site.cameras} | {
        "gate-1": 1.6,
        "art-museum-square": 1.5,
    }
    for first in range(0, len(days), 40):
        sums, stays = DaySums(), []
        with database.session() as session:
            for day in days[first : first + 40]:
                visitors = 420 * busy(day, chance)
                for camera in site.cameras:
                    seconds = blind(camera.id, day, until, chance)
                    if not seconds.any():
                        continue
                    here = visitors * draw[camera.id]
                    session.add_all(_lines(camera, day, here, seconds, chance, sums))
                    for zone in camera.zones:
                        held = capacities.get((camera.id, zone.id), 40)
                        row, stay = _zone(camera, zone.id, day, min(here / 2600, 1.25) * held, here, seconds, chance)
                        session.add(row)
                        stays.append(stay)
                    sums.heat[day, camera.id, "people"] = HeatSum(_heat(camera, here), float(seconds.sum()))
            add_stays(session.connection(), stays)
            sums.write(session.connection())
    return len(days)


def _lines(
    camera: MonitoringPoint, day: date, here: float, seconds: Floats, chance: np.random.Generator, sums: DaySums
) -> list[DayCrossing]:
    rows, off = [], calendar_day(day).kind.is_off
    seen = seconds / 3600
    for line in camera.lines:
        for kind in line.counts:
            vehicle = kind in VEHICLES
            share = {"car": 0.2, "motorcycle": 0.05, "bicycle": 0.06, "bus": 0.012, "truck": 0.02}.get(kind, 1.0)
            shape = _VISITORS / _VISITORS.sum()
            villagers = (90 if not vehicle else 260) * _VILLAGERS / _VILLAGERS.sum() * (0.7 if off else 1.0)
            came = chance.poisson((here * shape + villagers) * share * seen)
            went = chance.poisson((here * np.roll(shape, _OUT_LATER) + villagers) * share * seen)
            rows.append(
                DayCrossing(
                    day=day, camera_id=camera.id, line_id=line.id, object_class=kind.value, crossed_in=int(came.sum()),
                    crossed_out=int(went.sum()), observed_seconds=float(seconds.sum()),
                    profile=pack(np.array([came, went, seconds], float)),
                )
            )  # fmt: skip
            sums.passages[day, camera.id, line.id, kind.value] = _passages(int(came.sum()), vehicle, chance)
    return rows


def _passages(count: int, vehicle: bool, chance: np.random.Generator) -> PassageSum:
    held = PassageSum()
    gaps = chance.lognormal(3.4, 1.2, min(count, 400))
    np.add.at(held.headways, np.clip(np.searchsorted(HEADWAYS.edges, gaps, "right") - 1, 0, len(held.headways) - 1), 1)
    held.headway_sum = float(gaps.sum())
    if vehicle:
        speeds = np.clip(chance.normal(7.6, 2.2, min(count, 400)), 1, 25)
        np.add.at(held.speeds, np.clip(np.searchsorted(SPEEDS.edges, speeds, "right") - 1, 0, len(held.speeds) - 1), 1)
        held.speed_sum, held.fastest = float(speeds.sum()), float(speeds.max(initial=0.0))
    return held


def _zone(
    camera: MonitoringPoint,
    zone: str,
    day: date,
    peak: float,
    here: float,
    seconds: Floats,
    chance: np.random.Generator,
) -> tuple[DayOccupancy, StayRow]:
    mean = peak * _VISITORS / _VISITORS.max() * chance.uniform(0.8, 1.1, 24) * (seconds > 0)
    most = np.ceil(mean * 1.35 + chance.poisson(1.5, 24) * (mean > 0.2))
    visits = int(here * 0.7)
    row = DayOccupancy(
        day=day, camera_id=camera.id, zone_id=zone, object_class="person", least=0,
        mean=float((mean * seconds).sum() / seconds.sum()), most=int(most.max()), observed_seconds=float(seconds.sum()),
        profile=pack(np.array([mean, most, seconds])), arrivals=visits,
    )  # fmt: skip
    stayed = float(chance.uniform(160, 420))
    return row, StayRow(day, camera.id, zone, "person", visits, visits * stayed, stayed * 9)


def _heat(camera: MonitoringPoint, here: float) -> Floats:
    """A path from the lower left to the upper right, and two places where people linger."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS] / np.array([ROWS, COLUMNS])[:, None, None]
    turn = sum(map(ord, CameraId(camera.id))) % 7 / 10
    path = np.exp(-(((y - 0.92 + (0.3 + turn / 2) * x) / 0.07) ** 2))
    places = 1.6 * np.exp(-(((x - 0.3 - turn / 3) / 0.1) ** 2) - ((y - 0.62) / 0.1) ** 2)
    places += 1.1 * np.exp(-(((x - 0.72) / 0.08) ** 2) - ((y - 0.5 - turn / 4) / 0.07) ** 2)
    grid: Floats = (path + places) * here * 4
    return np.where(grid > here * 0.05, grid, 0.0)


def main() -> None:
    folder = Path(sys.argv[1])
    site = load_site(PROJECT / "configs" / "cameras.yaml", {"VBRAIN_RTSP": "127.0.0.1:8554"})
    database = open_database(None, folder)
    migrate(database)
    days = fill_years(database, site, day_of(utc_now(), site.site.zone_info))
    database.close()
    print(f"{days} days in {folder}")


if __name__ == "__main__":
    main()
