"""Counting what crosses lines, against the truth: ours beside ultralytics' ObjectCounter, supervision and Mesopic.

Lines A and C and twenty drawn at random on the PETS clip at 7 (all pictures), 3.5 and 1.75 looks a second, and the road
clip at 24 (all), 3.5 and 1.75, all from the same detections. ObjectCounter and supervision's LineZone count the tracks
of ultralytics' own tracker (its default, BoT-SORT); Mesopic its own. Where a library names directions the other way
round, the naming that suits it is taken. The last line is JSON. Not here: tracking scores (`tracking.py`).
"""

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from followed_footage import (
    CAMERA,
    PETS,
    PETS_RATE,
    ROAD,
    Footage,
    detect,
    followers,
    importable,
    looks,
    mesopic_tracks,
    needs_clips,
    ours,
    pets_truth,
)
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from configs.site import Line, Name
from configs.words import Instant, ObjectClass
from detectors.words import Track, TrackId, Tracks
from flow.line_counter import LineCounter

Ends = tuple[tuple[float, float], tuple[float, float]]
Counts = tuple[int, int]
Counting = Callable[[Footage, list[int], list[Ends], list[ObjectClass]], list[Counts]]

#: Normalised ends and the true (in, out), counted by hand from the ground truth.
LINE_A: Ends = ((0.45, 0.2), (0.45, 0.62))
LINE_C: Ends = ((0.3, 0.22), (0.7, 0.7))
ROAD_LINE: Ends = ((0.0, 185 / 352), (1.0, 185 / 352))
VEHICLES = [ObjectClass.CAR, ObjectClass.BUS, ObjectClass.TRUCK, ObjectClass.MOTORCYCLE]


def line_of(ends: Ends, counts: list[ObjectClass]) -> Line:
    return Line(id="line", name=Name(zh="线", en="Line"), start=ends[0], end=ends[1], counts=counts)


def count_ours(footage: Footage, chosen: list[int], lines: list[Ends], classes: list[ObjectClass]) -> list[Counts]:
    return [_counted(ours(footage, chosen), ends, classes) for ends in lines]


def _counted(given: list[Tracks], ends: Ends, classes: list[ObjectClass]) -> Counts:
    counter = LineCounter(line_of(ends, classes))
    directions = [crossing.direction for tracks in given for crossing in counter.update(tracks)]
    return directions.count("in"), directions.count("out")


def count_object_counter(
    footage: Footage, chosen: list[int], lines: list[Ends], classes: list[ObjectClass]
) -> list[Counts]:
    """The rule of ultralytics' ObjectCounter (box centres, each track once), without its drawing."""
    from shapely.geometry import LineString, Point
    from ultralytics.solutions import ObjectCounter

    given = followers()["BoT-SORT"](footage, chosen)
    counts = []
    for ends in lines:
        counter = ObjectCounter.__new__(ObjectCounter)
        counter.region = [(x * footage.width, y * footage.height) for x, y in ends]
        counter.LineString, counter.Point, counter.r_s = LineString, Point, LineString(counter.region)
        counter.in_count = counter.out_count = 0
        counter.counted_ids = set()
        counter.names = {i: str(i) for i in range(100)}
        counter.classwise_count = defaultdict(lambda: {"IN": 0, "OUT": 0})
        before: dict[int, tuple[float, float]] = {}
        for tracks in given:
            for track in tracks.tracks:
                if track.object_class in classes:
                    left, top, right, bottom = track.box
                    centre = ((left + right) / 2 * footage.width, (top + bottom) / 2 * footage.height)
                    counter.count_objects(centre, track.track_id, before.get(track.track_id), 0)
                    before[track.track_id] = centre
        counts.append((counter.in_count, counter.out_count))
    return counts


def count_supervision(
    footage: Footage, chosen: list[int], lines: list[Ends], classes: list[ObjectClass]
) -> list[Counts]:
    """supervision's LineZone, triggered by the foot point."""
    import supervision

    given = followers()["BoT-SORT"](footage, chosen)
    scale = np.array([footage.width, footage.height] * 2)
    counts = []
    for ends in lines:
        start, end = (supervision.Point(x * footage.width, y * footage.height) for x, y in ends)
        zone = supervision.LineZone(start, end, triggering_anchors=[supervision.Position.BOTTOM_CENTER])
        for tracks in given:
            wanted = [t for t in tracks.tracks if t.object_class in classes]
            if wanted:
                zone.trigger(
                    supervision.Detections(
                        xyxy=np.array([t.box for t in wanted]) * scale,
                        confidence=np.array([t.confidence for t in wanted]),
                        class_id=np.zeros(len(wanted), int),
                        tracker_id=np.array([t.track_id for t in wanted]),
                    )
                )
        counts.append((zone.in_count, zone.out_count))
    return counts


def count_mesopic(footage: Footage, chosen: list[int], lines: list[Ends], classes: list[ObjectClass]) -> list[Counts]:
    """Mesopic's tracker and its geometry. It knows persons only."""
    from mesopic.analytics.geometry import GeometryAnalytics
    from mesopic.analytics.site_geometry import PreparedLine, SiteGeometry
    from mesopic.types import Direction, EventKind

    given = mesopic_tracks(footage, chosen)
    counts = []
    for ends in lines:
        line = PreparedLine("line", CAMERA, *ends, positive_dir=Direction.IN, metrics=())
        counter = GeometryAnalytics(SiteGeometry(_zones={CAMERA: ()}, _lines={CAMERA: (line,)}))
        events = [event for tracks in given for event in counter.on_tracks(CAMERA, tracks)]
        ways = [event.direction for event in events if event.kind is EventKind.LINE_CROSS]
        counts.append((ways.count(1), ways.count(-1)))
    return counts


def contenders() -> dict[str, Counting]:
    found: dict[str, Counting] = {"ours": count_ours}
    if importable("ultralytics"):
        found["ultralytics ObjectCounter"] = count_object_counter
        if importable("supervision"):
            found["supervision LineZone"] = count_supervision
    if importable("mesopic"):
        found["mesopic"] = count_mesopic
    for name in ("ultralytics", "supervision", "mesopic"):
        if not importable(name):
            print(f"{name} is not importable here, so it is not compared")
    return found


def true_counts(truth: NDArray[np.float64], ends: Ends, size: tuple[int, int], margin: float) -> Counts:
    """Crossings of the labelled boxes' foot points; a side counts from `margin` body heights off the line."""
    given = []
    for picture in np.unique(truth[:, 0]):
        rows = truth[truth[:, 0] == picture]
        now = Instant(float(picture) / PETS_RATE)
        tracks = tuple(
            Track(
                TrackId(int(i)),
                ObjectClass.PERSON,
                (x / size[0], y / size[1], (x + w) / size[0], (y + h) / size[1]),
                1.0,
                now,
                now,
                1,
            )
            for _, i, x, y, w, h in rows.tolist()
        )
        given.append(Tracks(CAMERA, now, float(now), size[0] / size[1], tracks))
    import flow.line_counter as rule

    kept, rule.MARGIN_PEOPLE = rule.MARGIN_PEOPLE, margin
    try:
        return _counted(given, ends, [ObjectClass.PERSON])
    finally:
        rule.MARGIN_PEOPLE = kept


def random_lines(truth: NDArray[np.float64], size: tuple[int, int], count: int) -> list[tuple[Ends, Counts]]:
    """Lines of which the truth is beyond doubt: the same at three margins, and at least four crossings."""
    chance, found = random.Random(20), []
    while len(found) < count:
        points = [(chance.uniform(0.08, 0.92), chance.uniform(0.14, 0.93)) for _ in range(2)]
        if np.hypot((points[0][0] - points[1][0]) * size[0], points[0][1] * size[1] - points[1][1] * size[1]) < 150:
            continue
        ends = (points[0], points[1])
        counts = {true_counts(truth, ends, size, margin) for margin in (0.05, 0.1, 0.15)}
        if len(counts) == 1 and sum(only := counts.pop()) >= 4:
            found.append((ends, only))
    return found


def suiting(counted: Counts, true: Counts) -> Counts:
    """The counts, the other way round where that is nearer to the truth."""
    ways = (counted, counted[::-1])
    return min(ways, key=lambda way: abs(way[0] - true[0]) + abs(way[1] - true[1]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lines", type=int, default=20, help="how many random lines")
    parser.add_argument("--size", default="640x640", help="network input for the PETS clip")
    options = parser.parse_args()
    needs_clips()
    width, height = map(int, options.size.split("x"))
    pets, truth = detect(PETS, (width, height), PETS_RATE), pets_truth()
    size = (pets.width, pets.height)
    drawn = random_lines(truth, size, options.lines)
    cases = [(ends, true_counts(truth, ends, size, 0.1)) for ends in (LINE_A, LINE_C)] + drawn
    road = detect(ROAD, (640, 384))
    table = Table("clip", "looks/s", "counter", f"A {cases[0][1]}", f"C {cases[1][1]}", "error a line", "road (8, 0)")
    rows: list[dict[str, object]] = []
    everyone = contenders()
    for pets_rate, road_rate in ((PETS_RATE, road.pictures_per_second), (3.5, 3.5), (1.75, 1.75)):
        chosen = looks(len(pets.detections), PETS_RATE, pets_rate)
        road_chosen = looks(len(road.detections), road.pictures_per_second, road_rate)
        for name, count in everyone.items():
            counted = count(pets, chosen, [ends for ends, _ in cases], [ObjectClass.PERSON])
            counted = [suiting(c, true) if name != "ours" else c for c, (_, true) in zip(counted, cases, strict=True)]
            errors = [abs(c[0] - t[0]) + abs(c[1] - t[1]) for c, (_, t) in zip(counted[2:], cases[2:], strict=True)]
            on_road = None
            if name != "mesopic":
                on_road = suiting(count(road, road_chosen, [ROAD_LINE], VEHICLES)[0], (8, 0))
            table.add_row(
                f"{pets_rate:g}", f"{road_rate:.3g}", name, str(counted[0]), str(counted[1]),
                f"{np.mean(errors):.2f}", str(on_road or "-"),
            )  # fmt: skip
            rows.append(
                {
                    "counter": name,
                    "pets_looks_per_second": pets_rate,
                    "road_looks_per_second": road_rate,
                    "line_a": counted[0],
                    "line_c": counted[1],
                    "mean_error_of_random_lines": round(float(np.mean(errors)), 3),
                    "worst_error_of_random_lines": int(max(errors)),
                    "road": on_road,
                }
            )
    table.columns[0].header, table.columns[1].header = "PETS looks/s", "road looks/s"
    Console(width=120).print(table)
    mean_true = float(np.mean([sum(t) for _, t in drawn]))
    print(f"{len(drawn)} random lines with {mean_true:.1f} true crossings each; error is missed and false, both ways")
    print(
        json.dumps(
            {
                "benchmark": "counting",
                "true": {"line_a": cases[0][1], "line_c": cases[1][1], "road": [8, 0]},
                "random_lines": len(drawn),
                "mean_true_crossings": round(mean_true, 2),
                "rows": rows,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
