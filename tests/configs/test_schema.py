"""The JSON Schema says what the checks say, and the committed file is what the models give."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from configs.schema import SCHEMA_FILE, json_schema, schema_text
from tests.configs.test_load import GOOD


def test_the_committed_schema_is_up_to_date() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run: python -m configs.schema"


def test_it_is_a_schema_and_accepts_what_the_models_accept() -> None:
    Draft202012Validator.check_schema(json_schema())
    Draft202012Validator(json_schema()).validate(YAML(typ="safe").load(GOOD))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("crowd_at", "crowd_att"),
        ("y: 0.9", "y: 9"),
        ("[crowd,", "[crowds,"),
        ('"22:00"', '"25:00"'),
        ("south-gate", "South"),
    ],
)
def test_an_editor_sees_the_mistake_too(old: str, new: str) -> None:
    assert not Draft202012Validator(json_schema()).is_valid(YAML(typ="safe").load(GOOD.replace(old, new)))


def test_every_key_has_a_description_and_secrets_are_plain_text() -> None:
    def walk(node: Any, path: str) -> None:
        for name, value in node.get("properties", {}).items():
            assert value.get("description"), f"{path}.{name} has no description"
            assert value.get("format") != "password"

    for name, definition in json_schema()["$defs"].items():
        walk(definition, name)
    walk(json_schema(), "")
