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


def document() -> str:
    """The document as JSON text."""
    name = Name(zh="村", en="village")
    camera = MonitoringPoint(
        id="gate",
        name=name,
        place=Place(x=0, y=0),
        group="all",
        streams=Streams.model_validate({"sub": "rtsp://gate/sub"}),
    )
    site = Site(site=Settings(name=name), groups=[Group(id="all", name=name)], cameras=[camera])
    app = create_app(ApiSettings(site=site, data_dir=Path(), evidence_dir=Path()))
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(document(), encoding="utf-8")
    print(f"wrote {target}")
