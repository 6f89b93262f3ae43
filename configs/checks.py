"""Rules that join several settings: identities that must differ, names that must exist.

Promises: such mistakes are reported with the place they are at, together with every other mistake and not after them.
Not here: rules of a single value (`site.py`, `kinds.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Model = TypeVar("Model", bound=BaseModel)

#: The error type under which a `Mistake` travels inside pydantic's ValidationError.
MISTAKE = "mistake"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at `path`, counted from the model that is being checked, and what would be right.

    The words never quote the value itself: it may have come from a secret variable, and is shown as it was written.
    """

    path: tuple[str | int, ...]
    wrong: str
    right: str


def part(data: object, name: str) -> Any:
    """`name` of raw data or of a finished model; None where it is not there."""
    return data.get(name) if isinstance(data, dict) else getattr(data, name, None)


def items(data: object, name: str) -> list[Any]:
    """The list at `name`, or nothing where there is no list."""
    value = part(data, name)
    return list(value) if isinstance(value, list | tuple) else []


def repeated(data: object, name: str, key: str = "id") -> Iterator[Mistake]:
    """A mistake for each item of the list `name` whose `key` an earlier item has too."""
    first: dict[str, int] = {}
    for index, item in enumerate(items(data, name)):
        identity = part(item, key)
        if not isinstance(identity, str):
            continue
        if identity in first:
            yield Mistake((name, index, key), f"is taken by {name}[{first[identity]}]", "Give each its own")
        first.setdefault(identity, index)


def with_mistakes(data: object, validate: Callable[[Any], Model], found: Iterable[Mistake]) -> Model:
    """`validate(data)`, with `found` reported beside whatever it complains of. Raises pydantic's ValidationError."""
    extra = [
        InitErrorDetails(
            type=PydanticCustomError(MISTAKE, "{wrong}. {right}", {"wrong": m.wrong, "right": m.right}),
            loc=m.path,
            input=None,
        )
        for m in found
    ]
    title = "configuration"
    details: list[InitErrorDetails] = []
    try:
        model = validate(data)
        if not extra:
            return model
    except ValidationError as error:
        if not extra:
            raise
        title = error.title
        details = [_again(e) for e in error.errors(include_url=False)]
    raise ValidationError.from_exception_data(title, [*details, *extra], hide_input=True)


def _again(error: Any) -> InitErrorDetails:
    kind: str | PydanticCustomError = error["type"]
    if kind == MISTAKE:
        kind = PydanticCustomError(MISTAKE, "{wrong}. {right}", error["ctx"])
    return InitErrorDetails(type=kind, loc=error["loc"], input=error.get("input"), ctx=error.get("ctx", {}))
