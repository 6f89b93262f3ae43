"""Which lines a report counts at, and what places are called.

Promises: names in footfall.yaml that cameras.yaml does not have are passed over, and said. A report is of the whole
village, of one node (a camera: all its lines, both ways) or of one gate (a line there). Not here: the counting of
figures (`footfall.py`).
"""

from dataclasses import dataclass

from configs.footfall import Footfall, Gate
from configs.site import Site
from configs.words import PEOPLE, VEHICLES
from flow.footfall_rows import Series
from flow.report_words import Measure, Words


class UnknownPlace(ValueError):
    """The place is not in cameras.yaml; the message says which there are."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node (a camera), or a line of it."""

    camera: str
    line: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """`gates` are those that exist, by (camera, line). `measure` says what people are counted by."""

    site: Site
    settings: Footfall
    gates: dict[tuple[str, str], Gate]
    measure: Measure
    notes: tuple[Words, ...]
    place: Place | None = None

    @property
    def camera(self) -> str | None:
        """The one camera that the report is about; None for the whole village."""
        return self.place.camera if self.place else None

    def covers(self, camera_id: str, line_id: str) -> bool:
        """Whether a line belongs to the place that the report is about."""
        return self.place is None or (self.place.camera == camera_id and self.place.line in (None, line_id))

    def is_people(self, series: Series) -> bool:
        """Whether a series makes up the place's people: persons at gates, or at all lines without gates."""
        return (
            series[2] in PEOPLE
            and self.covers(*series[:2])
            and (self.measure == "passages" or series[:2] in self.gates)
        )

    def is_vehicles(self, series: Series) -> bool:
        """Whether a series makes up the place's vehicles, likewise."""
        if series[2] not in VEHICLES or not self.covers(*series[:2]):
            return False
        return self.place is not None or not self._vehicle_gates() or series[:2] in self.gates

    def place_name(self) -> Words | None:
        """What the place is called; None for the whole village."""
        if self.place is None:
            return None
        if self.place.line is None:
            return self.camera_name(self.place.camera)
        return self.line_name(self.place.camera, self.place.line)

    def turned(self, series: Series) -> bool:
        """Whether inward is the line's `out`."""
        gate = self.gates.get(series[:2])
        return gate is not None and gate.inward == "out"

    def camera_name(self, camera_id: str) -> Words:
        """What a camera is called; its id when it is not configured any more."""
        try:
            name = self.site.camera(camera_id).name
        except KeyError:
            return Words(camera_id, camera_id)
        return Words(name.zh, name.en)

    def line_name(self, camera_id: str, line_id: str) -> Words:
        """A camera's and its line's name, the line's only where the camera has several."""
        return self._part_name(camera_id, line_id, "lines")

    def zone_name(self, camera_id: str, zone_id: str) -> Words:
        """A camera's and its zone's name, the zone's only where the camera has several."""
        return self._part_name(camera_id, zone_id, "zones")

    def _part_name(self, camera_id: str, part_id: str, kind: str) -> Words:
        whole = self.camera_name(camera_id)
        try:
            parts = getattr(self.site.camera(camera_id), kind)
        except KeyError:
            return Words(f"{whole.zh} · {part_id}", f"{whole.en} · {part_id}")
        name = next((p.name for p in parts if p.id == part_id), None)
        if name is None:
            return Words(f"{whole.zh} · {part_id}", f"{whole.en} · {part_id}")
        return whole if len(parts) == 1 else Words(f"{whole.zh} · {name.zh}", f"{whole.en} · {name.en}")

    def _vehicle_gates(self) -> bool:
        return any(
            set(line.counts) & VEHICLES
            for camera in self.site.cameras
            for line in camera.lines
            if (camera.id, line.id) in self.gates
        )


def place_of(site: Site, named: str | None) -> Place | None:
    """The place that somebody named: `camera`, `camera/line`, or nothing for the village. Raises UnknownPlace."""
    if not named or named == "village":
        return None
    camera_id, _, line_id = named.partition("/")
    try:
        camera = site.camera(camera_id)
    except KeyError:
        raise UnknownPlace(
            f"there is no monitoring point {camera_id!r}; write its id, or id/line, as in cameras.yaml"
        ) from None
    if line_id and line_id not in {line.id for line in camera.lines}:
        known = ", ".join(f"{camera_id}/{line.id}" for line in camera.lines) or "no lines there"
        raise UnknownPlace(f"{camera_id} has no line {line_id!r}; there are {known}")
    return Place(camera_id, line_id or None)


def scope_of(site: Site, settings: Footfall, place: Place | None = None) -> Scope:
    """What a site's reports count at, or those of one place in it."""
    lines = {(camera.id, line.id): line for camera in site.cameras for line in camera.lines}
    gates = {(g.camera, g.line): g for g in settings.gates if (g.camera, g.line) in lines}
    missing = [f"{g.camera}/{g.line}" for g in settings.gates if (g.camera, g.line) not in lines]
    zones = {(camera.id, zone.id) for camera in site.cameras for zone in camera.zones}
    missing += [f"{c.camera}/{c.zone}" for c in settings.capacities if (c.camera, c.zone) not in zones]
    notes = []
    if missing:
        listed = ", ".join(missing)
        notes.append(
            Words(
                f"footfall.yaml 中的以下线或区域在 cameras.yaml 中不存在，已略过：{listed}。",
                f"These lines or zones of footfall.yaml are not in cameras.yaml and were passed over: {listed}.",
            )
        )
    by_gates = any(PEOPLE & set(lines[key].counts) for key in gates)
    if place is not None:
        # A node's people are passages; a gate's are arrivals, if it is one that counts people.
        by_gates = place.line is not None and (place.camera, place.line) in gates
    elif not by_gates:
        notes.append(
            Words(
                "没有配置清点行人的村口，人数为所有计数线的通过人次（双向），同一位游客会在多处被计入。"
                "在 footfall.yaml 的 gates 中列出村口即可得到到访人次。",
                "No gate that counts people is configured, so people are passages at all lines, both ways: one visitor "
                "counts at several places. List the gates in footfall.yaml to get arrivals.",
            )
        )
    return Scope(site, settings, gates, "arrivals" if by_gates else "passages", tuple(notes), place)
