"""Reading the operator's files.

Promises: a typed, validated value, or one ConfigError that holds every mistake of the file. Not here: the YAML itself
(`yaml_text.py`), the wording of mistakes (`explain.py`).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from configs.errors import ConfigError
from configs.explain import problems_of
from configs.site import Site
from configs.yaml_text import Document, parse_document, read_document

Model = TypeVar("Model", bound=BaseModel)


def load_site(path: str | os.PathLike[str], environment: Mapping[str, str] | None = None) -> Site:
    """The site that a cameras.yaml describes; variables come from `environment`, by default the process's own.

    Raises ConfigError with all mistakes: a missing or unreadable file, YAML syntax (which hides the rest), unset
    variables, unknown, missing or repeated keys, values out of range, references to what does not exist.
    """
    return load_model(path, Site, environment)


def load_model(path: str | os.PathLike[str], model: type[Model], environment: Mapping[str, str] | None = None) -> Model:
    """Any of the project's YAML files as its model. Raises ConfigError."""
    return _build(read_document(Path(path), _environment(environment)), model)


def parse_model(
    text: str, model: type[Model], file: str = "text", environment: Mapping[str, str] | None = None
) -> Model:
    """YAML text as a model; `file` is what messages call it. Raises ConfigError."""
    return _build(parse_document(text, file, _environment(environment)), model)


def _environment(given: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if given is None else given


def _build(document: Document, model: type[Model]) -> Model:
    try:
        result = model.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError([*document.problems, *problems_of(error, document, model)]) from None
    if document.problems:
        raise ConfigError(document.problems)
    return result
