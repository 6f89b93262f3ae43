"""What is said of smoke or fire: a sentence with the strongest reasons, and the numbers behind it.

Promises: every number that moved the decision is told; a sentence holds what spoke for it, in both languages. Not here:
when it is said (`smoke_fire.py`), the reasons (`fire_evidence.py`).
"""

import math
from dataclasses import asdict
from typing import Any

from alerts.fire_evidence import Argument
from alerts.suspicion import GROWN, PRIOR, Suspicion, area_of
from alerts.words import Reason
from configs.words import Instant, ObjectClass

_REASONS = 3


def sentence(s: Suspicion, arguments: list[Argument]) -> Reason:
    """What it is, how the looks went, and the strongest reasons besides."""
    held = arguments[-2 if s.closer else -1].reason
    others = [a for a in arguments if a.evidence > 0.15]
    if s.growth >= GROWN[0]:
        grown = Reason(f"面积已扩大到 {s.growth:.1f} 倍", f"has grown {s.growth:.1f} times")
        others.append(Argument(math.log(s.growth) + 1.0, grown))
    if s.together > 0.15:
        others.append(Argument(s.together, Reason("烟与火同处出现", "smoke and fire stand together")))
    strongest = sorted(others, key=lambda a: -a.evidence)[:_REASONS]
    what = ("明火", "Fire") if s.object_class is ObjectClass.FIRE else ("烟雾", "Smoke")
    return Reason(
        zh=f"{what[0]}：" + "；".join([f"{held.zh}，最高置信度 {s.best:.0%}", *(a.reason.zh for a in strongest)]),
        en=f"{what[1]}: " + "; ".join([f"{held.en}, best score {s.best:.0%}", *(a.reason.en for a in strongest)]),
    )


def numbers_of(s: Suspicion, now: Instant, arguments: list[Argument]) -> dict[str, Any]:
    """What convinced us, in figures."""
    behaviour = s.observed.behaviour
    numbers: dict[str, Any] = {
        "log_odds": round(s.total, 2),
        "evidence": {
            "prior": PRIOR,
            "scores": round(s.told, 2),
            "together": round(s.together, 2),
            "known": round(s.known, 2),
            "cried_wolf": round(s.cried_wolf, 2),
            **{a.reason.en: round(a.evidence, 2) for a in arguments},
        },
        "looks": s.looks,
        "hits": s.hits,
        "seconds": round(now - s.first_seen_at, 2),
        "scores": s.scores,
        "growth": round(s.growth, 2),
        "gone": round(s.gone, 2),
        "area": round(area_of(s.box), 5),
        "box": [round(v, 4) for v in s.box],
    }
    if behaviour is not None:
        numbers["behaviour"] = {name: round(value, 3) for name, value in asdict(behaviour).items()}
    if s.observed.look is not None:
        numbers["look"] = list(s.observed.look)
    return numbers
