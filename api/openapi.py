"""Writes the OpenAPI document that the web client is generated from: `python -m api.openapi [FILE]`.

Promises: the same routes give the same file, byte for byte; nothing is opened to make it.
"""

import json
import sys
from pathlib import Path

from api.app import create_app
from api.settings import ApiSettings
from configs.site import Group, MonitoringPoint, Name, Place, Settings, Site, Streams

DEFAULT_FILE = Path(__file__).resolve().parent.parent / "web" / "openapi.json"


def example_settings() -> ApiSettings:
    """Settings of the smallest site there can be; enough to put the application together, not to run it."""
    name = Name(zh="村", en="village")
    streams = Streams.model_validate({"sub": "rtsp://gate/sub"})
    camera = MonitoringPoint(id="gate", name=name, place=Place(x=0, y=0), group="all", streams=streams)
    site = Site(site=Settings(name=name), groups=[Group(id="all", name=name)], cameras=[camera])
    return ApiSettings(site=site, data_dir=Path(), evidence_dir=Path())


def document() -> str:
    """The document as JSON text."""
    openapi = create_app(example_settings()).openapi()
    return json.dumps(openapi, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(document(), encoding="utf-8")
    print(f"wrote {target}")
