"""Hardware decoding is asked for, and where there is none, software decodes and says so once."""

import logging
from pathlib import Path

import pytest

from ingest import hardware
from ingest.decode import newest_picture
from tests.ingest.test_recorder import packets_of
from tests.support.clips import make_clip


@pytest.mark.parametrize("wanted", ["cuda", "vaapi", "magic", "", "off"])
def test_pictures_come_whatever_was_asked_for(
    wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(hardware.VARIABLE, wanted)
    monkeypatch.setattr(hardware, "_said", set())
    packets = packets_of(make_clip(tmp_path / "a.mp4", seconds=0.5))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            picture = newest_picture(packets)
            assert picture is not None and picture.size == (160, 96)
            assert picture.luma.std() > 5
    said = [r for r in caplog.records if "software decodes instead" in r.getMessage()]
    assert len(said) <= 1
    if wanted == "magic":
        assert len(said) == 1
    if wanted in ("", "off"):
        assert not said
