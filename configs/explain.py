"""pydantic's errors as problems that an operator can act on.

Promises: each names the line and key, says what is wrong in plain words and what would be right; unknown keys and
choices suggest the nearest known one; no value of a secret is shown. Not here: the models themselves.
"""

import difflib
import types
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from configs.checks import MISTAKE
from configs.errors import Problem, key_path, redact
from configs.yaml_text import Document, KeyPath

_LONGEST_SHOWN = 60


def problems_of(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Problem]:
    """Every mistake that pydantic found in the document, but for those that were reported when it was read."""
    problems: dict[tuple[str, str], Problem] = {}
    for detail in error.errors(include_url=False):
        path = _path_in(document.data, detail["loc"], detail["type"])
        if any(path[: len(faulty)] == faulty for faulty in document.faulty):
            continue
        wrong, right = _explain(detail, path, document, model)
        problem = Problem(document.file, document.line_of(path), key_path(path), wrong, right)
        problems.setdefault((problem.key, wrong), problem)
    return list(problems.values())


def _path_in(data: Any, location: tuple[str | int, ...], kind: str) -> KeyPath:
    """pydantic's location without the names of union branches, which stand in no file."""
    path: list[str | int] = []
    for index, step in enumerate(location):
        last = index == len(location) - 1
        inside = step in data if isinstance(data, dict) else isinstance(data, list) and step in range(len(data))
        if inside:
            data = data[step]
        elif not (last and kind in ("missing", MISTAKE)):
            continue
        path.append(step)
    return tuple(path)


def _explain(detail: Any, path: KeyPath, document: Document, model: type[BaseModel]) -> tuple[str, str]:
    kind: str = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    meant = field_at(model, path)
    hint = _sentence(meant.description) if meant is not None and meant.description else ""
    value = detail.get("input")
    if kind == MISTAKE:
        return f"{_shown(path, document, meant)} {context['wrong']}".strip(), context["right"]
    if kind == "extra_forbidden":
        return "is not a known key", _nearest_key(str(path[-1]), path[:-1], model)
    if kind == "missing":
        return "is missing", f"Add it: {hint[0].lower()}{hint[1:]}" if hint else "Add it."
    if kind == "value_error":
        return _clause(str(context.get("error", ""))), hint
    if value is None:
        return "is empty", f"Write a value, or remove the key. {hint}"
    shown = _shown(path, document, meant)
    if choices := _choices(meant.annotation if meant is not None else None):
        near = difflib.get_close_matches(str(value), choices, n=1)
        start = f"Did you mean {near[0]}? " if near else ""
        return f"{shown} is not a choice".strip(), f"{start}Choices are {', '.join(choices)}"
    wrong, right = _by_kind(kind, context, value)
    if shown and not isinstance(value, dict | list):
        wrong = f"{shown} {wrong}"
    return wrong, " ".join(s for s in (right, hint) if s)


def _by_kind(kind: str, context: dict[str, Any], value: Any) -> tuple[str, str]:
    bounds = {
        "greater_than": ("gt", "is too small", "more than"),
        "greater_than_equal": ("ge", "is too small", "at least"),
        "less_than": ("lt", "is too large", "less than"),
        "less_than_equal": ("le", "is too large", "at most"),
    }
    if kind in bounds:
        name, wrong, words = bounds[kind]
        return wrong, f"It must be {words} {context[name]:g}."
    if kind in ("too_short", "too_long"):
        bound = "least" if kind == "too_short" else "most"
        limit = context.get("min_length", context.get("max_length"))
        return (
            f"has {context['actual_length']} entries",
            f"It needs at {bound} {limit}.",
        )
    if kind in ("string_too_short", "string_too_long"):
        limit = context.get("min_length", context.get("max_length"))
        return f"is {kind.removeprefix('string_').replace('_', ' ')}", f"The limit is {limit} characters."
    if kind == "string_pattern_mismatch":
        return "has characters that are not allowed here", ""
    if kind == "string_type":
        return "is not text", "Put it in quotes." if isinstance(value, int | float) else ""
    if kind in ("literal_error", "enum"):
        return "is not a choice", f"Write {context['expected']}."
    if kind.startswith(("float", "finite", "decimal")):
        return "is not a number", ""
    if kind.startswith("int"):
        return "is not a whole number", ""
    if kind.startswith("bool"):
        return "is neither true nor false", ""
    if kind.startswith("time"):
        return "is not a time of day", 'Write it like "22:30".'
    if kind in ("list_type", "tuple_type"):
        return "is not a list", "Write [a, b], or one '- ' line for each."
    if kind.startswith(("model", "dict", "dataclass")):
        return "is not a block of keys", "Write key: value lines, indented below it."
    return "is not right", ""


def _nearest_key(key: str, parent: KeyPath, model: type[BaseModel]) -> str:
    owner = _type_at(model, parent)
    known = list(owner.model_fields) if isinstance(owner, type) and issubclass(owner, BaseModel) else []
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    start = f"Did you mean {near[0]}? " if near else ""
    return f"{start}Keys here are {', '.join(known)}"


def _shown(path: KeyPath, document: Document, meant: FieldInfo | None) -> str:
    """The value as it was written (so without what a variable held), where it may be shown."""
    written = document.written.get(path)
    if written is None or meant is None or SecretStr in _parts(meant.annotation):
        return ""
    text = redact(written)
    return repr(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…")


def field_at(model: type[BaseModel], path: KeyPath) -> FieldInfo | None:
    """The field that `path` names (for an item of a list: the list's own type of item), if the model has it."""
    if not path:
        return None
    if isinstance(path[-1], int):
        kind = _type_at(model, path[:-1])
        inner = _item_type(kind, path[-1])
        return None if inner is None else FieldInfo.from_annotation(inner)
    owner = _type_at(model, path[:-1])
    if isinstance(owner, type) and issubclass(owner, BaseModel):
        return owner.model_fields.get(path[-1])
    return None


def _type_at(model: type[BaseModel], path: KeyPath) -> Any:
    kind: Any = model
    for step in path:
        kind = _unwrap(kind)
        if isinstance(step, int):
            kind = _item_type(kind, step)
        elif isinstance(kind, type) and issubclass(kind, BaseModel) and step in kind.model_fields:
            kind = kind.model_fields[step].annotation
        else:
            return None
    return _unwrap(kind)


def _item_type(kind: Any, index: int) -> Any:
    kind = _unwrap(kind)
    args = get_args(kind)
    if get_origin(kind) is list:
        return args[0]
    if get_origin(kind) is tuple:
        return args[min(index, len(args) - 1)]
    return None


def _unwrap(kind: Any) -> Any:
    """The bare type: without Annotated, and of a union the branch that has an inside."""
    if get_origin(kind) is Annotated:
        return _unwrap(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        branches = [_unwrap(b) for b in get_args(kind) if b is not type(None)]
        inner = [b for b in branches if get_origin(b) in (list, tuple) or _is_model(b)]
        return (inner or branches)[0]
    return kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _parts(kind: Any) -> set[Any]:
    found = {kind} if not get_args(kind) else set()
    for arg in get_args(kind):
        if isinstance(arg, type) or get_args(arg):
            found |= _parts(arg)
    return found


def _choices(kind: Any) -> list[str]:
    """The words that may stand here, where there is a fixed set of them."""
    if get_origin(kind) is Annotated:
        return _choices(get_args(kind)[0])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(member.value) for member in kind]
    if get_origin(kind) is Literal:
        return [str(choice) for choice in get_args(kind)]
    return []


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _clause(text: str) -> str:
    return text.rstrip(".")
