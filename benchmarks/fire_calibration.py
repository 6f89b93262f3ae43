"""What a score of the smoke and fire model is worth as evidence: measured on held-out scenes, kept beside the weights.

Promises: for each class a logistic from the best score in a picture to the odds that it truly burns, with as many
pictures that burn as pictures that do not (so it is a likelihood ratio, and the prior stays the judge's); fitted on
scenes that training never saw. Run it again whenever the weights change:
`python benchmarks/fire_calibration.py --write`. Not here: what the judge does with it (`alerts/smoke_fire.py`).
"""

import argparse
import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from alerts.calibration import FILE, LEAST_SCORE, MOST_AGAINST, Worth, logit, yaml_text  # noqa: E402
from configs.words import ObjectClass  # noqa: E402
from detectors.catalogue import Catalogue, Task  # noqa: E402
from detectors.engine import open_engine  # noqa: E402
from detectors.train.dataset import FIRE, SMOKE, Part, Sample, load  # noqa: E402

CLASSES = {ObjectClass.SMOKE: SMOKE, ObjectClass.FIRE: FIRE}
LOWEST = 0.02


def best_scores(samples: list[Sample], cache: Path) -> dict[str, dict[str, float]]:
    """The best score of each class in each picture, and of those that lie on a box of the class (`smoke@`, `fire@`).
    What was scored is appended to `cache`, so a run that was broken off goes on."""
    model = Catalogue.load().find(Task.SMOKE_FIRE)
    weights = hashlib.sha256(model.path.with_suffix(".bin").read_bytes()).hexdigest()[:12]
    cache.mkdir(parents=True, exist_ok=True)
    kept = cache / f"scores-{weights}.jsonl"
    found = {}
    if kept.exists():
        found = {row["picture"]: row["best"] for row in map(json.loads, kept.read_text().splitlines())}
    engine = open_engine(model, threads=1, confidence=LOWEST)
    try:
        with kept.open("a") as lines:
            for sample in samples:
                name = f"{sample.dataset}/{sample.path.name}"
                if name not in found:
                    found[name] = _best(engine.detect(sample.read()), sample)
                    lines.write(json.dumps({"picture": name, "best": found[name]}) + "\n")
                    lines.flush()
    finally:
        engine.close()
    return found


def _best(detections, sample: Sample) -> dict[str, float]:
    best = {}
    for cls, number in CLASSES.items():
        rows = [i for i, c in enumerate(detections.classes) if c is cls]
        truth = sample.boxes[sample.boxes[:, 0] == number, 1:]
        best[cls.value] = max((float(detections.scores[i]) for i in rows), default=0.0)
        best[cls.value + "@"] = max(
            (float(detections.scores[i]) for i in rows if _touches(detections.boxes[i], truth)), default=0.0
        )
    return best


def _touches(box, truth) -> bool:
    over = np.minimum(box[2:], truth[:, 2:]) - np.maximum(box[:2], truth[:, :2])
    shared = over.clip(0).prod(1)
    area = np.minimum((box[2:] - box[:2]).prod(), (truth[:, 2:] - truth[:, :2]).prod(1))
    return bool((shared > 0.3 * area).any())


def fit(positive: list[float], negative: list[float]) -> tuple[float, float]:
    """Offset and slope of the log-odds over the logit of the score, both sides weighing the same. A little ridge keeps
    few pictures from making it steeper than 1.2."""
    scores = np.array([*positive, *negative])
    x = np.column_stack([np.ones(len(scores)), [logit(max(s, LEAST_SCORE)) for s in scores]])
    y = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
    w = np.r_[np.full(len(positive), 0.5 / len(positive)), np.full(len(negative), 0.5 / len(negative))]
    theta: NDArray[np.float64] = np.array([2.0, 1.0])
    ridge = np.diag([1e-4, 2e-3])
    for _ in range(60):
        p = 1 / (1 + np.exp(-x @ theta))
        gradient = x.T @ (w * (y - p)) - ridge @ theta
        theta = theta + np.linalg.solve(x.T @ (x * (w * p * (1 - p))[:, None]) + ridge, gradient)
    return float(theta[0]), float(theta[1])


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=PROJECT.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=PROJECT / "runs" / "fire-calibration")
    parser.add_argument("--most", type=int, default=150, help="pictures of each kind at most")
    parser.add_argument("--write", action="store_true", help=f"keep the result in {FILE.name}")
    options = parser.parse_args()
    parts = load(options.data / "datasets")
    held_out = [s for s in parts[Part.CHOOSE] + parts[Part.TEST] if s.dataset != "early-smoke-noncommercial"]
    rng = np.random.default_rng(5)

    def some(samples: list[Sample]) -> list[Sample]:
        return [samples[i] for i in sorted(rng.permutation(len(samples))[: options.most])]

    burning = {c: some([s for s in held_out if (s.boxes[:, 0] == n).any()]) for c, n in CLASSES.items()}
    ordinary = some([s for s in held_out if s.is_negative])
    everything = {s.path: s for s in (*ordinary, *(s for b in burning.values() for s in b))}
    best = best_scores(list(everything.values()), options.cache)
    rows = {}
    for cls in CLASSES:
        positive = [best[f"{s.dataset}/{s.path.name}"][cls.value + "@"] for s in burning[cls]]
        negative = [best[f"{s.dataset}/{s.path.name}"][cls.value] for s in ordinary]
        offset, slope = fit(positive, negative)
        even = 1 / (1 + np.exp(offset / slope))
        # What a miss is worth: how much rarer it is of what burns. One count is added on either side.
        missed = [(sum(s < LEAST_SCORE for s in some) + 1) / (len(some) + 2) for some in (positive, negative)]
        unseen = max(float(np.log(missed[0] / missed[1])), MOST_AGAINST)
        rows[cls] = Worth(round(offset, 3), round(slope, 3), round(unseen, 3))
        quantiles = [round(float(q), 3) for q in np.quantile(positive, [0.1, 0.5, 0.9])]
        print(
            f"{cls.value}: {len(positive)} burning, {len(negative)} ordinary; log-odds {offset:+.2f} {slope:+.2f} × "
            f"logit(score), unseen {unseen:+.2f}; even at {even:.3f}; burning p10/50/90 {quantiles}; "
            f"ordinary p90/99 {np.quantile(negative, [0.9, 0.99]).round(3).tolist()}"
        )
    if options.write:
        FILE.write_text(yaml_text(rows, f"{len(everything)} held-out pictures"))
        print(f"wrote {FILE}")
    print(json.dumps({cls.value: asdict(worth) for cls, worth in rows.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
