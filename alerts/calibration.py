"""What a score of the smoke and fire model is worth, as evidence.

Promises: a score becomes a log likelihood ratio, bounded, for each class; the constants are those that lie beside the
weights (`calibration.yaml`), else cautious ones. Not here: how they are measured (`benchmarks/fire_calibration.py`).
"""

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from configs.words import ObjectClass

log = logging.getLogger(__name__)

FILE = Path(__file__).resolve().parent.parent / "weights" / "smoke-fire" / "calibration.yaml"
#: A weaker score tells no more than none at all: engines of smoke and fire are asked for what is above it.
LEAST_SCORE = 0.08
#: No single look is worth more than this, for or against: pictures of one place are far from independent.
MOST_FOR, MOST_AGAINST = 2.5, -1.5


def logit(p: float) -> float:
    """The log-odds of a probability, finite at 0 and 1."""
    p = min(max(p, 1e-4), 1 - 1e-4)
    return math.log(p / (1 - p))


@dataclass(frozen=True, slots=True)
class Worth:
    """log-odds = `offset` + `slope` × logit(score); a look that saw nothing of the class is worth `unseen`."""

    offset: float
    slope: float
    unseen: float = -0.9

    def of(self, score: float) -> float:
        """The evidence of one score, 0…1, between `MOST_AGAINST` and `MOST_FOR`."""
        return min(max(self.offset + self.slope * logit(max(score, LEAST_SCORE)), MOST_AGAINST), MOST_FOR)


Calibration = Mapping[ObjectClass, Worth]

#: For weights that nobody measured: even at 0.30 and 0.35.
CAUTIOUS: Calibration = {ObjectClass.FIRE: Worth(0.85, 1.0), ObjectClass.SMOKE: Worth(0.62, 1.0)}


def load_calibration(path: Path | None = None) -> Calibration:
    """The constants beside the weights: of the folder that `VBRAIN_WEIGHTS` names, else the project's. Where there are
    none, or they cannot be read, cautious ones, and that is logged."""
    if path is None:
        own = os.environ.get("VBRAIN_WEIGHTS")
        path = Path(own) / "smoke-fire" / FILE.name if own else FILE
        path = path if path.exists() else FILE
    try:
        read = YAML(typ="safe").load(path.read_text())["classes"]
        return {c: Worth(*(float(read[c.value][name]) for name in ("offset", "slope", "unseen"))) for c in CAUTIOUS}
    except (OSError, YAMLError, KeyError, TypeError, ValueError) as error:
        log.warning("%s holds no usable calibration (%s): cautious constants are used", path, type(error).__name__)
        return CAUTIOUS


def yaml_text(rows: Calibration, measured_on: str) -> str:
    """The file's text for these constants."""
    lines = [
        "# What a score is worth: log-odds = offset + slope * logit(score); `unseen`: of no score at all. Measured by",
        "# `python benchmarks/fire_calibration.py --write`. Run it again when the weights change.",
        f"measured_on: {measured_on}",
        "classes:",
    ]
    lines += [f"  {c.value}: {{offset: {w.offset}, slope: {w.slope}, unseen: {w.unseen}}}" for c, w in rows.items()]
    return "\n".join(lines) + "\n"
