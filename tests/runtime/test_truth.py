"""Labelling a clip's crossings by key press in a real browser, and scoring counts against them."""

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from playwright.sync_api import expect, sync_playwright
from typer.testing import CliRunner

from configs.words import ObjectClass
from runtime.cli import app
from runtime.truth import Truth, TruthError, read_truth, score, write_truth
from runtime.truth_desk import TruthDesk

CAR, PERSON, TRUCK = ObjectClass.CAR, ObjectClass.PERSON, ObjectClass.TRUCK


def truth(*crossings: tuple[float, str, str]) -> Truth:
    marks = [{"at": at, "direction": way, "class": kind} for at, way, kind in crossings]
    return Truth.model_validate(
        {"clip": "x.mp4", "seconds": 60, "line": "line-1", "start": [0.5, 0.1], "end": [0.5, 0.9]}
        | {"counts": ["person", "car"], "crossings": marks}
    )


def test_right_missed_and_false_are_told_by_direction() -> None:
    known = truth((1.0, "in", "person"), (5.0, "in", "person"), (9.0, "out", "car"))
    result = score(known, [(1.4, "in", PERSON), (1.6, "in", PERSON), (9.2, "out", TRUCK), (20.0, "out", PERSON)])
    came, went = result.ways["in"], result.ways["out"]
    assert (came.true, came.counted, came.right, came.missed, came.false) == (2, 2, 1, [5.0], [1.6])
    assert (went.true, went.counted, went.right, went.missed, went.false) == (1, 2, 1, [], [20.0])
    assert (result.recall, result.precision, result.count_error) == (2 / 3, 0.5, 1)
    assert result.mean_seconds_late == pytest.approx(0.3)


def test_pairs_are_made_so_that_most_fit() -> None:
    known = truth((1.0, "in", "person"), (2.0, "in", "person"))
    assert score(known, [(0.2, "in", PERSON), (1.2, "in", PERSON)], within=1.0).ways["in"].right == 2


def test_a_person_is_not_a_car_and_the_other_way_is_not_this_way() -> None:
    known = truth((1.0, "in", "person"))
    assert score(known, [(1.0, "in", CAR)]).ways["in"].right == 0
    assert score(known, [(1.0, "out", PERSON)]).ways["out"].right == 0


def test_nothing_is_no_division() -> None:
    result = score(truth(), [])
    assert (result.recall, result.precision, result.count_error) == (None, None, 0)


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    write_truth(path, truth((9.0, "out", "car"), (1.0, "in", "person")))
    assert [m.at for m in read_truth(path).crossings] == [1.0, 9.0]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "[]", '{"clip": "x"}'])
def test_another_file_is_refused_with_a_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(TruthError, match="label the clip again"):
        read_truth(path)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of a square that goes from left to right."""
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (320, 180))
    for n in range(20):
        picture = np.full((180, 320, 3), 40, np.uint8)
        cv2.rectangle(picture, (15 * n, 80), (15 * n + 20, 120), (80, 200, 250), -1)
        writer.write(picture)
    writer.release()
    return path


@pytest.fixture
def desk(clip: Path, tmp_path: Path) -> Iterator[TruthDesk]:
    served = TruthDesk(clip, truth(), tmp_path / "clip.truth.json")
    thread = threading.Thread(target=served.serve, daemon=True)
    thread.start()
    yield served
    served.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_nobody_gets_in_who_does_not_know_the_address(desk: TruthDesk) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(retries=5)) as client:
        root = desk.url.split("/", 3)
        assert client.get(desk.url).status_code == 200
        assert client.get("/".join(root[:3]) + "/state").status_code == 404
        assert client.get(desk.url + "picture/9999").status_code == 404
        assert client.put(desk.url + "crossings", json=[{"at": -1, "direction": "up"}]).status_code == 422


@pytest.mark.browser
def test_keys_label_crossings(desk: TruthDesk, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no Chromium")
    path = tmp_path / "clip.truth.json"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(locale="en-GB", viewport={"width": 1200, "height": 800}).new_page()
        page.goto(desk.url)
        page.wait_for_function("() => state && state.done && drawn >= 0")
        for _ in range(10):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("i")
        expect(page.locator("#count-in")).to_have_text("1")
        expect(page.locator("#saved")).to_contain_text("saved: ")
        page.locator("#language").click()
        expect(page.locator("#saved")).to_contain_text("已保存")
        page.locator("#language").click()
        page.keyboard.press("2")  # a car
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("o")
        page.keyboard.press("o")
        page.keyboard.press("z")
        expect(page.locator("#marks li")).to_have_count(2)
        expect(page.locator("#saved")).to_contain_text("saved")
        page.wait_for_function("async () => { await saving; return true }")
        marks = read_truth(path).crossings
        assert [(m.direction, m.object_class.value) for m in marks] == [("out", "car"), ("in", "person")]
        assert marks[0].at < marks[1].at == pytest.approx(1.0, abs=0.11)
        page.locator("#language").click()
        expect(page.locator("h1")).to_have_text("标注过线")
        page.locator("#done").click()
        expect(page.locator("body")).to_contain_text("已保存")
        browser.close()


def test_labels_of_another_line_are_not_overwritten(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.truth.json"
    write_truth(path, truth((1.0, "in", "person")))
    said = CliRunner().invoke(app, ["truth", "label", str(clip), "--line", "0.1,0.5,0.9,0.5", "--no-browser"])
    assert said.exit_code != 0 and "another line" in " ".join(said.output.split())
    assert len(read_truth(path).crossings) == 1


@pytest.mark.shared_data
def test_a_clip_with_known_crossings_scores_as_it_counts(tmp_path: Path) -> None:
    road = Path(__file__).resolve().parents[3] / "shared" / "data" / "clips" / "road-8-vehicles.mp4"
    if not road.exists():
        pytest.skip(f"{road} is missing")
    path = tmp_path / "road.truth.json"
    counted = CliRunner().invoke(app, ["replay", str(road), "--line", "0,185,640,185", "--looks", "3", "--json"])
    found = [c for c in json.loads(counted.output)["crossings"] if c["direction"] == "in"]
    assert len(found) == 8
    write_truth(
        path,
        Truth.model_validate(
            {"clip": road.name, "seconds": 37.7, "line": "line-1", "start": [0, 185 / 352], "end": [1, 185 / 352]}
            | {"counts": ["car", "bus", "truck", "motorcycle"]}
            | {"crossings": [{"at": c["at"], "direction": "in", "class": "car"} for c in found]}
        ),
    )
    said = CliRunner().invoke(app, ["truth", "score", str(path), str(road), "--looks", "3", "--json"])
    (result,) = json.loads(said.output)
    assert (result["recall"], result["precision"], result["count_error"]) == (1.0, 1.0, 0)
