"""What the behaviour of a place, and a closer look at it, are worth as evidence of smoke or fire.

Promises: pure; every kind of evidence is bounded, so that none can decide alone, and says in both languages what it saw
with its numbers. Not here: measuring (`detectors/behaviour.py`), adding it all up (`smoke_fire.py`), what a score is
worth (`calibration.py`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from alerts.words import Reason
from configs.words import ObjectClass
from detectors.behaviour import Behaviour

#: Behaviour moves the log-odds by so much at most, a second look by so much.
MOST_BEHAVIOUR, MOST_SECOND_LOOK = 3.5, 2.0
#: Behaviour counts fully once it was measured for this long.
FULL_SECONDS = 1.5
#: What goes away takes so much off at most: nothing while it is within the first so many of its own sizes from where it
#: was of late, as leaping flames are, and all of it from the second on, where whoever walks is within a second.
MOST_GONE = 5.0
_GONE = (0.75, 1.5)
#: Grey levels (of a lamp or a cloud, of what surely lives): drawn and real fires flickered by 2.7 and more, sunsets by
#: at most 0.4, and changed by less than 1 unless somebody passed; smoke changed by 2.7 and more, clouds by 0.1.
_FLICKER, _CHANGE, _SMOKE_CHANGE = (0.5, 2.0), (4.0, 12.0), (0.0, 1.2)
#: The share of what changes that is the place's own: a plume's was 0.65 and more, traffic's behind a wall 0.63.
_SMOKE_LOCAL = (0.65, 0.8)


@dataclass(frozen=True, slots=True)
class Argument:
    """One reason, and what it moved the log-odds by."""

    evidence: float
    reason: Reason


@dataclass(frozen=True, slots=True)
class _Trait:
    """Evidence = weight × tanh((value − even) / scale)."""

    value: Callable[[Behaviour], float]
    even: float
    scale: float
    weight: float
    zh: str
    en: str

    def argue(self, behaviour: Behaviour, belief: float) -> Argument:
        value = self.value(behaviour)
        evidence = belief * self.weight * math.tanh((value - self.even) / self.scale)
        return Argument(evidence, Reason(self.zh.format(value), self.en.format(value)))


#: Flame reverses its brightness where it stands; smoke changes, spreads, rises, and is soft and grey. What covers the
#: picture evenly is weather or light, what does not change at all is a thing.
_TRAITS: dict[ObjectClass, tuple[_Trait, ...]] = {
    ObjectClass.FIRE: (
        _Trait(lambda b: b.flicker, 2.2, 2.0, 2.0, "亮度闪动 {:.1f} 级", "flickers by {:.1f} grey levels"),
        _Trait(lambda b: b.change, 3.0, 3.0, 1.4, "每秒变化 {:.1f} 级", "changes by {:.1f} grey levels in a second"),
        _Trait(lambda b: b.core, 0.06, 0.08, 0.5, "{:.0%} 为火焰色", "{:.0%} of it in the colours of flame"),
        _Trait(lambda b: b.local, 0.6, 0.15, 0.5, "变化集中在此处 {:.0%}", "{:.0%} of what changes is in this place"),
    ),
    ObjectClass.SMOKE: (
        _Trait(lambda b: b.change, 2.0, 2.0, 1.6, "每秒变化 {:.1f} 级", "changes by {:.1f} grey levels in a second"),
        _Trait(lambda b: b.growth, 0.015, 0.03, 1.0, "每秒多覆盖 {:.0%}", "covers {:.0%} more each second"),
        _Trait(lambda b: b.local, 0.6, 0.15, 1.0, "变化集中在此处 {:.0%}", "{:.0%} of what changes is in this place"),
        _Trait(lambda b: b.softness, 0.3, 0.25, 0.3, "边缘柔和度 {:.2f}", "edges are soft, {:.2f} of 1"),
        _Trait(lambda b: b.rise, 0.0, 0.08, 0.4, "上升速度 {:.2f}", "rises by {:.2f} of its height a second"),
    ),
}


def behaviour_arguments(cls: ObjectClass, behaviour: Behaviour | None) -> list[Argument]:
    """What each trait says; together within ± `MOST_BEHAVIOUR`. Nothing, when nothing was measured."""
    if behaviour is None:
        return []
    belief = min(1.0, behaviour.seconds / FULL_SECONDS)
    arguments = [trait.argue(behaviour, belief) for trait in _TRAITS[cls]]
    total = sum(a.evidence for a in arguments)
    shrink = min(1.0, MOST_BEHAVIOUR / abs(total)) if total else 1.0
    return [Argument(a.evidence * shrink, a.reason) for a in arguments]


def news(cls: ObjectClass, behaviour: Behaviour | None) -> float:
    """How far a further look at a place is further evidence, 0…1.

    Looks at what does not change are one look, taken again: a lamp, a sunset, the edge of a cloud scores the same each
    time. Flame flickers and smoke changes, so what the model says of them is said of new pictures. All of it
    counts until a second was measured.
    """
    if behaviour is None:
        return 1.0
    if cls is ObjectClass.FIRE:
        alive = max(_between(behaviour.flicker, *_FLICKER), _between(behaviour.change, *_CHANGE))
    else:
        alive = min(_between(behaviour.change, *_SMOKE_CHANGE), _between(behaviour.local, *_SMOKE_LOCAL))
    belief = min(1.0, behaviour.seconds / FULL_SECONDS)
    return 1.0 - belief * (1.0 - alive)


def _between(value: float, none: float, all_of_it: float) -> float:
    return min(1.0, max(0.0, (value - none) / (all_of_it - none)))


def persistence_argument(seconds: float, looks: int, hits: int, patience: float, fades_in: float) -> Argument:
    """What is new is doubted by `patience`, and the doubt fades in so many seconds."""
    return Argument(
        -patience * math.exp(-seconds / fades_in),
        Reason(
            f"在同一位置 {seconds:.1f} 秒，{looks} 次观察中 {hits} 次看到",
            f"held one place for {seconds:.1f} s, seen in {hits} of {looks} looks",
        ),
    )


def gone_argument(sizes: float) -> Argument:
    """What burns stays where it is; what is `sizes` of its own sizes from where it was of late is carried or drives."""
    return Argument(
        -MOST_GONE * _between(sizes, *_GONE),
        Reason(f"已移动自身大小的 {sizes:.1f} 倍", f"has moved by {sizes:.1f} of its own sizes"),
    )


def second_look_argument(worths: list[float], best: float) -> Argument | None:
    """What closer looks at the main stream are worth, together; None when there were none."""
    if not worths:
        return None
    evidence = min(max(0.8 * sum(worths) / len(worths), -MOST_SECOND_LOOK), MOST_SECOND_LOOK)
    return Argument(
        evidence, Reason(f"主码流复看置信度 {best:.0%}", f"a closer look at the main stream scores {best:.0%}")
    )
