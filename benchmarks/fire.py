"""Smoke and fire as a control room feels it: how many, how soon, how often wrong.

Promises: ordinary footage under weather and lamps, and events with a known onset, looked at as the live pipeline does
(a look a second while calm, four while something is suspected, pictures at 10 a second for behaviour, closer looks at
the clip's full size); the same looks are given to our judge, to the bare model with a threshold, and to 3-of-5 voting,
each at three settings. What the model saw is kept in `--cache`, so a run that was broken off goes on and a change of
the judge is measured again in minutes. The camera-hours that are printed were truly run. With `--passers` people and
vehicles are looked for as well, as the live pipeline does to tell what they wear, carry and uncover from what burns.
Not here: how a box compares with a label (`fire_model.py`), the scenes (`fire_scenes.py`).
"""

import argparse
import hashlib
import json
import math
import pickle
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, product
from pathlib import Path

import cv2
import numpy as np

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from alerts.calibration import LEAST_SCORE  # noqa: E402
from benchmarks.fire_scenes import EVENT_SECONDS, RATE, WEATHERS, Event, HouseFire, Loop, Ordinary, Picture  # noqa: E402
from configs.site import Settings  # noqa: E402
from configs.words import Instant  # noqa: E402
from detectors.catalogue import Catalogue, Task  # noqa: E402
from detectors.engine import Engine, open_engine  # noqa: E402
from detectors.words import Detections  # noqa: E402
from runtime.camera_watch import CameraWatch  # noqa: E402
from runtime.fire_desk import look_closer  # noqa: E402
from runtime.replay import camera_for  # noqa: E402

SENSITIVITIES = ("low", "normal", "high")
THRESHOLDS = {"low": 0.60, "normal": 0.40, "high": 0.25}
CALM_SECONDS, URGENT_SECONDS = 1.0, 0.25
#: People and vehicles are looked for at every third picture.
PASSERS_STEPS = 3
WIDTHS = (0.10, 0.30, 0.60)
#: Distant ones, so small that they are told apart from the rest.
DISTANT = (0.04, 0.06)
CLIPS = ("road-8-vehicles.mp4", "pets09-s2l1-view1.avi")


class Eyes:
    """The model, with what it saw kept on disk for each scene."""

    def __init__(self, cache: Path, passers: bool = False) -> None:
        model = Catalogue.load().find(Task.SMOKE_FIRE)
        people = Catalogue.load().find(Task.PEOPLE_VEHICLES) if passers else None
        self._people = open_engine(people, threads=1) if people else None
        self._engine: Engine = open_engine(model, threads=1, confidence=LEAST_SCORE)
        self.input_size = self._engine.input_size
        digest = hashlib.sha256(model.path.with_suffix(".bin").read_bytes())
        self._cache = cache / f"seen-{digest.hexdigest()[:12]}"
        self._cache.mkdir(parents=True, exist_ok=True)
        self._file: Path | None = None
        self._seen: dict[object, object] = {}
        self._fresh = 0

    def open(self, scene: str) -> None:
        """Go to a scene; what was seen of the last is kept."""
        self.close()
        self._file = self._cache / (hashlib.sha256(scene.encode()).hexdigest()[:20] + ".pickle")
        self._seen = pickle.loads(self._file.read_bytes()) if self._file.exists() else {}

    def close(self) -> None:
        if self._file is not None and self._fresh:
            part = self._file.with_suffix(".part")
            part.write_bytes(pickle.dumps(self._seen))
            part.rename(self._file)
        self._fresh = 0

    def look(self, step: int, small: Callable[[], Picture]) -> Detections:
        return self._once(step, lambda: self._engine.detect(small()))  # type: ignore[return-value]

    @property
    def sees_passers(self) -> bool:
        return self._people is not None

    def look_at_passers(self, step: int, small: Callable[[], Picture]) -> Detections:
        assert self._people is not None
        return self._once(("passers", step), lambda: self._people.detect(small()))  # type: ignore[union-attr, return-value]

    def look_closer(self, step: int, box, full: Callable[[], Picture]):
        key = (step, tuple(round(v, 3) for v in box))
        return self._once(key, lambda: look_closer(self._engine, full(), box))

    def _once(self, key, work):
        if key not in self._seen:
            self._seen[key] = work()
            self._fresh += 1
            if self._fresh >= 200:
                self.close()
        return self._seen[key]


class Threshold:
    """The model alone: a look with any score above the threshold is an alert, and then quiet until unseen for 30 s."""

    def __init__(self, least: float, of: int = 1, needed: int = 1) -> None:
        self._least, self._needed = least, needed
        self._votes: deque[bool] = deque(maxlen=of)
        self._quiet_until = -math.inf
        self.confirming = False

    def see(self, detections: Detections, now: float) -> bool:
        hit = bool(len(detections)) and float(detections.scores.max()) >= self._least
        self._votes.append(hit)
        self.confirming = hit and sum(self._votes) < self._needed
        if sum(self._votes) < self._needed:
            return False
        is_new = now >= self._quiet_until
        self._quiet_until = now + 30.0
        return is_new


class Ours:
    """The pipeline's own judgement."""

    def __init__(self, sensitivity: str) -> None:
        settings = {"name": {"zh": "评测", "en": "Benchmark"}, "smoke_fire": {"sensitivity": sensitivity}}
        self.watch = CameraWatch(camera_for([], None), Settings.model_validate(settings))
        self.reasons: list[str] = []

    @property
    def confirming(self) -> bool:
        return self.watch.confirming(Task.SMOKE_FIRE)

    def see(self, detections: Detections, now: float) -> bool:
        drafts = self.watch.see_smoke_fire(detections, Instant(now), now).drafts
        self.reasons += [d.reason.en for d in drafts]
        return bool(drafts)


@dataclass
class Tally:
    """What one decider did: seconds from onset to alert of each event (None: missed), and false alarms."""

    delays: dict[str, float | None] = field(default_factory=dict)
    false_alarms: list[str] = field(default_factory=list)


def deciders() -> dict[tuple[str, str], "Ours | Threshold"]:
    made: dict[tuple[str, str], Ours | Threshold] = {}
    for s in SENSITIVITIES:
        made["ours", s] = Ours(s)
        made["threshold", s] = Threshold(THRESHOLDS[s])
        made["3 of 5", s] = Threshold(THRESHOLDS[s], of=5, needed=3)
    return made


def small(picture: Picture, size: tuple[int, int]) -> Picture:
    scale = min(size[0] / picture.shape[1], size[1] / picture.shape[0], 1.0)
    fitted = (round(picture.shape[1] * scale / 2) * 2, round(picture.shape[0] * scale / 2) * 2)
    return np.asarray(cv2.resize(picture, fitted, interpolation=cv2.INTER_AREA), np.uint8)


def run(scene, seconds: float, eyes: Eyes, until_all: bool) -> dict[tuple[str, str], list[tuple[float, str]]]:
    """When each decider alerted, and why. `until_all`: stop once every decider has."""
    judges = deciders()
    alerts: dict[tuple[str, str], list[tuple[float, str]]] = {key: [] for key in judges}
    eyes.open(scene.name)
    due, full = 0.0, None
    for step in range(int(seconds * RATE)):
        now = step / RATE
        ours = [j for j in judges.values() if isinstance(j, Ours)]
        picture: list[Picture] = []

        def at_full_size(now: float = now, kept: list[Picture] = picture) -> Picture:
            if not kept:
                kept.append(scene.at(now))
            return kept[0]

        if any(not j.watch._patches.is_idle for j in ours):
            full = small(at_full_size(), eyes.input_size)
            for judge in ours:
                judge.watch.see_picture(full, Instant(now))
        if eyes.sees_passers and step % PASSERS_STEPS == 0:
            passers = eyes.look_at_passers(step, lambda: small(at_full_size(), eyes.input_size))
            for judge in ours:
                judge.watch.see_objects(passers, Instant(now), now)
        if now + 1e-6 < due:
            continue
        found = eyes.look(step, lambda: small(at_full_size(), eyes.input_size))
        for key, judge in judges.items():
            if judge.see(found, now):
                alerts[key].append((now, judge.reasons[-1] if isinstance(judge, Ours) else ""))
        for judge in ours:
            for place, box in judge.watch.second_looks(Instant(now)).items():
                scores = eyes.look_closer(step, box, at_full_size)
                if scores is not None:
                    judge.watch.take_second_look(place, scores)
        if until_all and all(alerts.values()):
            break
        due = now + (URGENT_SECONDS if any(j.confirming for j in judges.values()) else CALM_SECONDS)
    eyes.close()
    return alerts


def events_of(loops: list[Loop], seeds: int, kept: Path) -> Iterator[Event]:
    for number, widths in enumerate((WIDTHS, DISTANT)):
        kinds = product(range(seeds), ("fire", "smoke"), (False, True), widths)
        for seed, (_, kind, at_night, width) in enumerate(kinds, start=1 + 1000 * number):
            loop = loops[seed % len(loops)]
            weather = list(WEATHERS)[seed % 2 * 3]  # drift or rain
            scene = Ordinary(loop.name, loop, WEATHERS[weather], seed)
            event = Event(scene, kind, at_night, width, seed, kept)
            if event.share > 0:
                yield event


def band(event) -> str:
    return "of at least 1 %" if event.share >= 0.01 else "of 0.1 to 1 %" if event.share >= 0.001 else "smaller"


def figures(tally: Tally, names: set[str], hours: float) -> dict[str, float | int | None]:
    delays = [tally.delays[n] for n in names]
    seen = sorted(d for d in delays if d is not None)
    return {
        "events": len(delays),
        "recall": round(len(seen) / len(delays), 3) if delays else None,
        "median_s": round(float(np.median(seen)), 2) if seen else None,
        "p95_s": round(float(np.quantile(seen, 0.95)), 2) if seen else None,
        "false_alarms": len(tally.false_alarms),
        "false_alarms_a_camera_a_day": round(len(tally.false_alarms) / hours * 24, 2) if hours else None,
    }


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=PROJECT.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=PROJECT / "runs" / "bench-fire")
    parser.add_argument("--hours", type=float, default=24.0, help="camera-hours of ordinary footage")
    parser.add_argument("--seeds", type=int, default=3, help="rounds of twenty events")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop ordinary footage after so long")
    parser.add_argument("--passers", action="store_true", help="look for people and vehicles too; twice as slow")
    parser.add_argument("--scenes", type=int, nargs="*", help="these ordinary scenes alone, by number")
    parser.add_argument("--verbose", action="store_true", help="print each event and each false alarm")
    options = parser.parse_args()
    clips = options.data / "clips"
    if not clips.is_dir():
        print(f"fire: no clips in {clips}; name the folder with --data", file=sys.stderr)
        return 2
    cv2.setNumThreads(1)
    loops = [Loop(clips / name) for name in CLIPS]
    eyes = Eyes(options.cache, options.passers)
    tallies = {key: Tally() for key in deciders()}
    events: list[Event | HouseFire] = []
    house_fire = HouseFire(clips / "house-fire.mp4")
    for event in chain([house_fire], events_of(loops, options.seeds, options.cache)):
        events.append(event)
        alerts = run(event, EVENT_SECONDS, eyes, until_all=True)
        for key, found in alerts.items():
            at = [t for t, _ in found if t >= event.onset - 0.05]
            tallies[key].delays[event.name] = max(at[0] - event.onset, 0.0) if at else None
        if options.verbose:
            delays = " ".join(f"{k[0][:5]}/{k[1][:2]} {_seconds(tallies[k].delays[event.name])}" for k in alerts)
            why = [text for _, text in alerts["ours", "normal"]][:1]
            print(f"{event.name}: {event.share:.2%} onset {event.onset:.1f}  {delays}  {why}", flush=True)
    began, run_seconds, number = time.monotonic(), 0.0, 0
    by_weather: dict[str, float] = {}
    while run_seconds < options.hours * 3600 and time.monotonic() - began < options.seconds:
        if options.scenes is not None and number not in options.scenes:
            number += 1
            if number > max(options.scenes, default=0):
                break
            continue
        weather = list(WEATHERS)[number % len(WEATHERS)]
        loop = loops[(number // len(WEATHERS) + number) % len(loops)]
        scene = Ordinary(f"{loop.name} {weather} {number}", loop, WEATHERS[weather], number)
        length = min(300.0, options.hours * 3600 - run_seconds)
        for key, found in run(scene, length, eyes, until_all=False).items():
            tallies[key].false_alarms += [f"{scene.name} at {t:.0f} s {why}" for t, why in found]
        run_seconds += length
        by_weather[weather] = by_weather.get(weather, 0.0) + length
        number += 1
        if options.verbose:
            counts = {"/".join(k): len(t.false_alarms) for k, t in tallies.items()}
            print(f"{scene.name}: {run_seconds / 3600:.2f} camera-hours, false alarms so far {counts}", flush=True)
    report(tallies, events, run_seconds / 3600, by_weather, options.verbose)
    return 0


def report(
    tallies: dict[tuple[str, str], Tally], events, hours: float, by_weather: dict[str, float], verbose: bool
) -> None:
    bands: dict[str, set[str]] = {}
    for event in events:
        bands.setdefault(band(event), set()).add(event.name)
    spread = ", ".join(f"{name} {seconds / 60:.0f} min" for name, seconds in by_weather.items())
    print(f"\n{hours:.2f} camera-hours of ordinary footage truly run ({spread})")
    rows = []
    for title, names in sorted(bands.items()):
        print(f"\nevents {title} of the picture: {len(names)}")
        print(f"  {'':24}{'recall':>8}{'median s':>10}{'p95 s':>8}{'false alarms':>14}{'a camera a day':>16}")
        for (who, sensitivity), tally in tallies.items():
            row = figures(tally, names, hours)
            rows.append({"who": who, "setting": sensitivity, "size": title} | row)
            cells = [row[c] for c in ("recall", "median_s", "p95_s", "false_alarms", "false_alarms_a_camera_a_day")]
            text = "".join(f"{'–' if c is None else c:>{w}}" for c, w in zip(cells, (8, 10, 8, 14, 16), strict=True))
            print(f"  {who + ', ' + sensitivity:24}{text}")
    if verbose:
        for alarm in tallies["ours", "normal"].false_alarms:
            print(f"false alarm of ours at normal: {alarm}")
    print(json.dumps({"camera_hours": round(hours, 3), "rows": rows}))


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
