"""Tracking at few and at uneven looks a second: MOTA, IDF1 and HOTA on the PETS clip, ours beside library trackers.

All get the same detections. Scores are motmetrics' at an overlap of 0.5, over the pictures that were looked at; HOTA is
TrackEval's where that is importable. `uneven` is the mean of five draws of steps of 0.14 to 0.9 s. The last line is
JSON. Not here: counting (`counting.py`).
"""

import argparse
import json
import sys
import time
from pathlib import Path

import motmetrics
import numpy as np
from followed_footage import (
    PETS,
    PETS_RATE,
    Following,
    Footage,
    detect,
    followers,
    importable,
    looks,
    needs_clips,
    pets_truth,
)
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from configs.words import ObjectClass

RATES: dict[str, float | None] = {"7": 7.0, "3.5": 3.5, "2.33": 7 / 3, "1.75": 1.75, "uneven": None}
UNEVEN_DRAWS = 5
Boxes = NDArray[np.float64]


def overlap(a: Boxes, b: Boxes) -> Boxes:
    """Intersection over union of boxes (n, 4) and (m, 4) given by corners."""
    common = np.prod(
        np.clip(np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2]), 0, None),
        axis=2,
    )
    areas = [np.prod(x[:, 2:] - x[:, :2], axis=1) for x in (a, b)]
    return common / np.maximum(areas[0][:, None] + areas[1][None, :] - common, 1e-9)


def score(footage: Footage, chosen: list[int], follow: Following, truth: Boxes) -> dict[str, float]:
    """Scores of one tracker at one choice of looks, and its milliseconds a look."""
    began = time.perf_counter()
    given = follow(footage, chosen)
    milliseconds = (time.perf_counter() - began) * 1000 / len(chosen)
    scale = np.array([footage.width, footage.height] * 2)
    events = motmetrics.MOTAccumulator(auto_id=True)
    steps = []
    for picture, tracks in zip(chosen, given, strict=True):
        here = truth[truth[:, 0] == picture]
        true_boxes = np.concatenate([here[:, 2:4], here[:, 2:4] + here[:, 4:6]], axis=1)
        people = [t for t in tracks.tracks if t.object_class is ObjectClass.PERSON]
        boxes = np.array([t.box for t in people]).reshape(-1, 4) * scale
        alike = overlap(true_boxes, boxes)
        steps.append((here[:, 1].astype(int), np.array([t.track_id for t in people], int), alike))
        events.update(steps[-1][0], steps[-1][1], np.where(alike >= 0.5, 1 - alike, np.nan))
    summary = motmetrics.metrics.create().compute(
        events, metrics=["mota", "idf1", "num_switches", "num_false_positives", "num_misses"], name="all"
    )
    result = {name: float(summary[name].iloc[0]) for name in summary.columns}
    result["milliseconds"] = milliseconds
    if importable("trackeval"):
        result["hota"] = hota(steps)
    return result


def hota(steps: list[tuple[NDArray[np.int64], NDArray[np.int64], Boxes]]) -> float:
    from trackeval.metrics import HOTA

    true_ids = {i: k for k, i in enumerate(sorted({int(i) for ids, _, _ in steps for i in ids}))}
    track_ids = {i: k for k, i in enumerate(sorted({int(i) for _, ids, _ in steps for i in ids}))}
    data = {
        "gt_ids": [np.array([true_ids[int(i)] for i in ids], int) for ids, _, _ in steps],
        "tracker_ids": [np.array([track_ids[int(i)] for i in ids], int) for _, ids, _ in steps],
        "similarity_scores": [alike for _, _, alike in steps],
        "num_gt_ids": len(true_ids),
        "num_tracker_ids": len(track_ids),
        "num_gt_dets": sum(len(ids) for ids, _, _ in steps),
        "num_tracker_dets": sum(len(ids) for _, ids, _ in steps),
        "num_timesteps": len(steps),
    }
    return float(np.mean(HOTA().eval_sequence(data)["HOTA"]))


def picture(rows: list[dict[str, object]], size: str) -> str:
    """An SVG of IDF1 over the rate of looks, a line for each tracker."""
    shades = {"ByteTrack": "#5a5fb0", "BoT-SORT": "#b35c00", "ours": "#0b7a4b"}
    across = {label: 90 + 110 * i for i, label in enumerate(RATES)}
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 330" font-family="sans-serif" font-size="13">',
        '<rect width="700" height="330" fill="white"/>',
        f'<text x="20" y="22" font-size="15">IDF1 on PETS09-S2L1 by looks a second, detections at {size}</text>',
    ]
    for value in (0.2, 0.4, 0.6, 0.8, 1.0):
        y = 300 - 250 * value
        parts.append(f'<path d="M60 {y}H560" stroke="#ddd"/><text x="30" y="{y + 4}">{value:.1f}</text>')
    parts += [f'<text x="{x}" y="322" text-anchor="middle">{label}</text>' for label, x in across.items()]
    beside = 0.0
    for name, shade in shades.items():
        points = [
            (across[str(row["looks_per_second"])], 300 - 250 * float(str(row["idf1"])))
            for row in rows
            if row["tracker"] == name and row["input"] == size
        ]
        if points:
            path = "L".join(f"{x} {y:.0f}" for x, y in points)
            parts.append(f'<path d="M{path}" fill="none" stroke="{shade}" stroke-width="2.5"/>')
            parts += [f'<circle cx="{x}" cy="{y:.0f}" r="4" fill="{shade}"/>' for x, y in points]
            beside = min(points[-1][1] + 4, beside - 16) if beside else points[-1][1] + 4
            parts.append(f'<text x="560" y="{beside:.0f}" fill="{shade}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", default="640x640,416x256", help="network inputs to detect at")
    parser.add_argument("--picture", type=Path, help="write the first input's IDF1 as SVG to this file")
    options = parser.parse_args()
    needs_clips()
    truth, rows = pets_truth(), []
    table = Table("input", "looks/s", "tracker", "MOTA", "IDF1", "HOTA", "switches", "ms/look")
    for size in options.sizes.split(","):
        width, height = map(int, size.split("x"))
        footage = detect(PETS, (width, height), PETS_RATE)
        for label, rate in RATES.items():
            for name, follow in followers().items():
                draws = range(UNEVEN_DRAWS) if rate is None else [0]
                scores = [
                    score(footage, looks(len(footage.detections), PETS_RATE, rate, seed), follow, truth)
                    for seed in draws
                ]
                mean = {key: float(np.mean([s[key] for s in scores])) for key in scores[0]}
                table.add_row(
                    size,
                    label,
                    name,
                    f"{mean['mota']:.3f}",
                    f"{mean['idf1']:.3f}",
                    f"{mean['hota']:.3f}" if "hota" in mean else "-",
                    f"{mean['num_switches']:.0f}",
                    f"{mean['milliseconds']:.2f}",
                )
                least = {"least_mota": min(s["mota"] for s in scores), "least_idf1": min(s["idf1"] for s in scores)}
                rows.append({"input": size, "looks_per_second": label, "tracker": name} | mean | least)
    Console(width=110).print(table)
    if options.picture:
        options.picture.write_text(picture(rows, options.sizes.split(",")[0]))
    print(json.dumps({"benchmark": "tracking", "rows": [{k: _short(v) for k, v in row.items()} for row in rows]}))
    return 0


def _short(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    sys.exit(main())
