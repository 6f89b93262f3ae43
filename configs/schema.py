"""The JSON Schema (2020-12) of cameras.yaml, for editors.

Promises: made from the models, so it cannot say something else than the checks. `python -m configs.schema` writes
`cameras.schema.json` anew. Not here: rules that join several settings, which a schema cannot say.
"""

import json
from pathlib import Path
from typing import Any

from configs.site import Site

SCHEMA_FILE = Path(__file__).with_name("cameras.schema.json")


def _plain(value: Any) -> Any:
    """Secrets as plain text: an editor would hide a field of format `password`, `${NAME}` and all."""
    if isinstance(value, dict):
        secret = value.get("format") == "password"
        return {k: _plain(v) for k, v in value.items() if not (secret and k in ("format", "writeOnly"))}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def json_schema() -> dict[str, Any]:
    """The schema as plain data."""
    schema: dict[str, Any] = _plain(Site.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Village brain: cameras.yaml"}


def schema_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
