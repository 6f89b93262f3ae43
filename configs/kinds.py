"""The kinds of incident as data: names, priority, time targets, who may be sent.

Promises: every `IncidentKind` has its rules, checked as strictly as cameras.yaml. Not here: what happens to an incident
(`alerts/`).
"""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import Field, ModelWrapValidatorHandler, field_validator, model_validator

from configs.checks import Mistake, items, part, repeated, with_mistakes
from configs.load import load_model
from configs.site import Name
from configs.strict import Strict
from configs.words import IncidentKind, Role

#: The rules that come with the project.
DEFAULT_KINDS = Path(__file__).with_name("kinds.yaml")

#: Only people who work out of doors can be sent to a place.
FIELD_ROLES = frozenset({Role.GRID_WORKER, Role.ENFORCEMENT_OFFICER})

Seconds = Annotated[int, Field(gt=0, le=30 * 86400)]


class Targets(Strict):
    """How long each step of an incident may take, in seconds from the end of the step before it."""

    confirm: Seconds = Field(description="seconds from opened to confirmed")
    dispatch: Seconds = Field(description="seconds from confirmed to dispatched")
    accept: Seconds = Field(description="seconds from dispatched to accepted")
    arrive: Seconds = Field(description="seconds from accepted to on site")
    resolve: Seconds = Field(description="seconds from on site to resolved")
    close: Seconds = Field(description="seconds from resolved to closed")


class KindRules(Strict):
    """What holds for incidents of one kind."""

    kind: IncidentKind = Field(description="which kind")
    name: Name = Field(description="what people call it, zh and en")
    priority: int = Field(ge=1, le=4, description="1 drop everything, 2 now, 3 today, 4 when there is time")
    icon: str = Field(pattern=r"^[a-z0-9-]{1,40}$", description="an icon's name, such as flame")
    targets: Targets = Field(description="seconds that each step may take")
    roles: list[Role] = Field(min_length=1, description="who may be sent: grid_worker, enforcement_officer")
    photo_to_resolve: bool = Field(description="true: resolving it needs a photo")

    @field_validator("roles")
    @classmethod
    def _can_be_sent(cls, roles: list[Role]) -> list[Role]:
        if strangers := [role.value for role in roles if role not in FIELD_ROLES]:
            raise ValueError(f"names {', '.join(strangers)}, who cannot be sent to a place")
        return roles


class IncidentKinds(Strict):
    """The whole of kinds.yaml."""

    kinds: list[KindRules] = Field(description="one entry for each kind")

    @cached_property
    def by_kind(self) -> Mapping[IncidentKind, KindRules]:
        """The rules of every kind; read-only."""
        return MappingProxyType({rules.kind: rules for rules in self.kinds})

    @model_validator(mode="wrap")
    @classmethod
    def _each_kind_once(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        found = list(repeated(data, "kinds", "kind"))
        named = {part(rules, "kind") for rules in items(data, "kinds") if isinstance(part(rules, "kind"), str)}
        if missing := [kind.value for kind in IncidentKind if kind not in named]:
            found.append(Mistake(("kinds",), f"lacks {', '.join(missing)}", "Every kind needs its entry"))
        return with_mistakes(data, handler, found)


def load_kinds(
    path: str | os.PathLike[str] = DEFAULT_KINDS, environment: Mapping[str, str] | None = None
) -> IncidentKinds:
    """The rules of every kind of incident. Raises ConfigError with all mistakes of the file."""
    return load_model(path, IncidentKinds, environment)
