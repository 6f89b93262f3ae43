"""cameras.yaml: what is accepted, and that every mistake is told at once, with its place."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from configs.errors import ConfigError, redact
from configs.load import load_site, parse_model
from configs.site import Site
from configs.words import Watch

GOOD = """\
site:
  name: {zh: 余东, en: Yudong}
groups:
  - id: gate
    name: {zh: 村口, en: Gate}
cameras:
  - id: north-gate
    name: {zh: 北门, en: North gate}
    place: {x: 0.1, y: 0.5, latitude: 28.9, longitude: 118.8}
    group: gate
    streams:
      sub: rtsp://viewer:${CAMERA_PASSWORD}@10.0.0.8:554/sub
    watch: [crowd, smoke_fire]
    zones:
      - id: square
        name: {zh: 广场, en: Square}
        polygon: [[0, 0], [1, 0], [1, 1]]
        crowd_at: 12
    lines:
      - id: door
        name: {zh: 门, en: Door}
        start: [0.2, 0.5]
        end: [0.8, 0.5]
    schedule:
      active: [{start: "22:00", end: "06:30"}]
  - id: south-gate
    name: {zh: 南门, en: South gate}
    place: {x: 0.1, y: 0.9}
    group: gate
    streams: {sub: "rtsp://10.0.0.9/sub"}
"""
ENVIRONMENT = {"CAMERA_PASSWORD": "p%40ss"}


def site(text: str, environment: dict[str, str] | None = None) -> Site:
    return parse_model(text, Site, "cameras.yaml", ENVIRONMENT if environment is None else environment)


def mistakes(text: str, environment: dict[str, str] | None = None) -> list[tuple[int | None, str]]:
    with pytest.raises(ConfigError) as caught:
        site(text, environment)
    return [(problem.line, problem.key) for problem in caught.value.problems]


def message(text: str, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        site(text, environment)
    return str(caught.value)


def test_a_good_file_is_read_with_its_variables_and_defaults() -> None:
    camera = site(GOOD).camera("north-gate")
    assert camera.streams.sub.get_secret_value() == "rtsp://viewer:p%40ss@10.0.0.8:554/sub"
    assert camera.watch == [Watch.CROWD, Watch.SMOKE_FIRE]
    assert camera.lines[0].ends == ((0.2, 0.5), (0.8, 0.5))
    assert camera.schedule.active != "always" and camera.schedule.active[0].start.hour == 22
    assert camera.schedule.smoke_fire == "always"
    assert camera.looks_per_second == 4.0
    with pytest.raises(KeyError):
        site(GOOD).camera("nowhere")


def test_three_mistakes_are_three_problems_each_with_line_key_and_what_is_right() -> None:
    text = (
        GOOD.replace("end: [0.8, 0.5]", "end: [0.8, 1.5]")
        .replace("crowd_at", "crowd_att")
        .replace("x: 0.1, y: 0.9", "x: 0.1")
    )
    with pytest.raises(ConfigError) as caught:
        site(text)
    problems = caught.value.problems
    assert [(p.file, p.line, p.key) for p in problems] == [
        ("cameras.yaml", 18, "cameras[0].zones[0].crowd_att"),
        ("cameras.yaml", 23, "cameras[0].lines[0].end[1]"),
        ("cameras.yaml", 28, "cameras[1].place.y"),
    ]
    assert "Did you mean crowd_at?" in problems[0].right
    assert "at most 1" in problems[1].right
    assert "missing" in problems[2].wrong and "village plan" in problems[2].right
    assert all(f"line {p.line}" in str(caught.value) and p.key in str(caught.value) for p in problems)


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "said"),
    [
        ("group: gate\n    streams:\n", "group: gaet\n    streams:\n", 10, "cameras[0].group", "Did you mean gate?"),
        ("id: south-gate", "id: north-gate", 26, "cameras[1].id", "'north-gate' is taken by cameras[0]"),
        ("watch: [crowd,", "watch: [crowds,", 13, "cameras[0].watch[0]", "Did you mean crowd?"),
        ("start: [0.2, 0.5]", "start: [0.8, 0.5]", 20, "cameras[0].lines[0]", "no length"),
        ("[1, 0], [1, 1]]", "[1, 0], [0.5, 0]]", 17, "cameras[0].zones[0].polygon", "encloses nothing"),
        ("[[0, 0], [1, 0], [1, 1]]", "[[0, 0], [1, 0]]", 17, "cameras[0].zones[0].polygon", "at least 3"),
        ('"22:00"', "22", 25, "cameras[0].schedule.active[0].start", '"22:30"'),
        ('active: [{start: "22:00", end: "06:30"}]', "active: alway", 25, "cameras[0].schedule.active", "'always'"),
        ("crowd_at: 12", "crowd_at: .nan", 18, "cameras[0].zones[0].crowd_at", "number"),
        ("12\n", "12\n        crowd_dangerous_at: 12\n", 19, "cameras[0].zones[0].crowd_dangerous_at", "more"),
        ("crowd_at: 12", "crowd_dangerous_at: 12", 18, "cameras[0].zones[0].crowd_dangerous_at", "needs a crowd_at"),
        ("crowd_at: 12", "no_vehicles: 12", 18, "cameras[0].zones[0].no_vehicles", "neither true nor false"),
        ("end: [0.8, 0.5]", "end: [0.8, 0.5]\n        one_way: inn", 24, "cameras[0].lines[0].one_way", "mean in?"),
        ("x: 0.1, y: 0.9", "x: .nan, y: 0.9", 28, "cameras[1].place.x", "number"),
        ("id: south-gate", "id: 12", 26, "cameras[1].id", "quotes"),
        ("id: south-gate", "id: South Gate", 26, "cameras[1].id", "lower-case letters"),
        ("    watch: [crowd, smoke_fire]", "    watch:", 13, "cameras[0].watch", "empty"),
        ("  name: {zh: 余东, en: Yudong}", "  name: Yudong", 2, "site.name", "zh and en"),
        ("site:\n", "site:\n  timezone: Asia/Shangai\n", 2, "site.timezone", "Asia/Shanghai"),
        ("site:\n", "sight: 1\nsite:\n", 1, "sight", "Did you mean site?"),
        ("    group: gate\n    st", "    group: gate\n    group: gate\n    st", 11, "cameras[0].group", "twice"),
        ("id: north-gate", "id: !secret x", 7, "cameras[0].id", "tag"),
    ],
)  # fmt: skip
def test_each_kind_of_mistake_is_named(old: str, new: str, line: int, key: str, said: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    assert mistakes(text) == [(line, key)]
    assert said in message(text)


def test_references_are_checked_although_other_values_are_wrong() -> None:
    text = (
        GOOD.replace("group: gate", "group: gaet").replace("id: south-gate", "id: north-gate").replace("y: 0.9", "y: 9")
    )
    assert [key for _, key in mistakes(text)] == [
        "cameras[0].group",
        "cameras[1].id",
        "cameras[1].place.y",
        "cameras[1].group",
    ]


def test_all_unset_variables_are_named_and_hide_nothing_else() -> None:
    text = GOOD.replace("rtsp://10.0.0.9/sub", "rtsp://${HOST}:${PORT}/${PATH_OF_IT:-sub}").replace("y: 0.9", "y: 9")
    assert mistakes(text, {}) == [
        (12, "cameras[0].streams.sub"),
        (28, "cameras[1].place.y"),
        (30, "cameras[1].streams.sub"),
        (30, "cameras[1].streams.sub"),
    ]
    assert all(name in message(text, {}) for name in ("CAMERA_PASSWORD", "HOST", "PORT"))


@pytest.mark.parametrize(
    ("written", "environment", "expected"),
    [
        ("rtsp://${H}/x", {"H": "cam"}, "rtsp://cam/x"),
        ("rtsp://${H:-cam}/x", {}, "rtsp://cam/x"),
        ("rtsp://${H:-cam}/x", {"H": ""}, "rtsp://cam/x"),
        ("rtsp://h/${A}${B:-}", {"A": "1"}, "rtsp://h/1"),
        ("rtsp://h/$${A}", {}, "rtsp://h/${A}"),
        ("rtsp://h/$A$", {}, "rtsp://h/$A$"),
        ("rtsp://h/${A}", {"A": "${B}"}, "rtsp://h/${B}"),
    ],
)
def test_variables(written: str, environment: dict[str, str], expected: str) -> None:
    text = GOOD.replace("rtsp://10.0.0.9/sub", written)
    assert site(text, {**ENVIRONMENT, **environment}).cameras[1].streams.sub.get_secret_value() == expected


def test_a_variable_can_stand_for_a_number_and_a_broken_one_is_told() -> None:
    text = GOOD + "    looks_per_second: ${LOOKS:-6}\n"
    assert site(text).cameras[1].looks_per_second == 6.0
    assert mistakes(text, {**ENVIRONMENT, "LOOKS": "many"}) == [(31, "cameras[1].looks_per_second")]
    assert mistakes(text.replace("${LOOKS:-6}", "${LOO KS}")) == [(31, "cameras[1].looks_per_second")]


@pytest.mark.parametrize(
    "sub",
    [
        "http://viewer:hunter2@10.0.0.8/sub",
        "rtsp://viewer:hun/ter2hunter2@10.0.0.8/sub",
        "rtsp://viewer:hunter2@10.0.0.8:99999/sub",
        "rtsp://viewer:hunter2@/sub",
        "[rtsp://viewer:hunter2@10.0.0.8/sub]",
        "*hunter2",
        "'rtsp://viewer:hunter2@10.0.0.8/sub",
        "rtsp://viewer: hunter2@10.0.0.8/sub: x",
    ],
)
def test_no_message_shows_a_password(sub: str) -> None:
    for written in ("rtsp://viewer:${CAMERA_PASSWORD}@10.0.0.8:554/sub", "gate", "north-gate", "south-gate"):
        text = GOOD.replace(written, sub)
        with pytest.raises(ConfigError) as caught:
            site(text)
        assert "hunter2" not in str(caught.value) + repr(caught.value)
        assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_password_from_the_environment_is_not_shown_wherever_it_was_used() -> None:
    text = GOOD.replace("id: south-gate", "id: ${CAMERA_PASSWORD}")
    assert "p%40ss" not in message(text)


def test_the_models_themselves_hide_what_they_refuse() -> None:
    with pytest.raises(ValueError, match="rtsp") as caught:
        Site.model_validate({"cameras": [{"streams": {"sub": "http://viewer:hunter2@h/"}}]})
    assert "hunter2" not in str(caught.value)


def test_anchors_and_merge_keys_share_settings() -> None:
    text = GOOD.replace("    schedule:\n", "    recording: &usual {mode: motion, keep_days: 3}\n    schedule:\n")
    merged = site(text + "    recording: {<<: *usual, keep_days: 9}\n").cameras[1].recording
    assert (merged.mode.value, merged.keep_days) == ("motion", 9)
    assert site(text + "    recording: *usual\n").cameras[1].recording.keep_days == 3
    wrong = text.replace("keep_days: 3", "keep_days: -3") + "    recording: *usual\n"
    assert [key for _, key in mistakes(wrong)] == ["cameras[0].recording.keep_days", "cameras[1].recording.keep_days"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"\x00\x01\x02\x03", "not YAML"),
        (bytes(range(256)), "UTF-8"),
        ("site: {name: {zh: 余东, en: Y}}".encode("gbk"), "UTF-8"),
        (b"just words", "block of keys"),
        (b"- 1\n- 2\n", "block of keys"),
        (b"site: [1,\nb: 2", "line 2"),
        (b'site: "abc\n\n\n', "line 1: is not valid YAML: found a quote that is never closed"),
        (b"\tsite: 1", "tab"),
        (b"site: 1\n---\nb: 2\n", "second document"),
        (b"a: &a [*a]", "contains itself"),
        (b"[" * 20_000, "nested too deeply"),
        (b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n".encode() for n in range(8)
        ), "holds too much"),
        (b"x" * (5 * 1024 * 1024), "larger than"),
        (b"site: 2024-99-99\n", "block of keys"),
    ],
    ids=lambda value: repr(value)[:24],
)  # fmt: skip
def test_what_is_not_a_configuration_is_one_clear_error(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    assert said in str(caught.value) and str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_site(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="is a folder"):
        load_site(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_site("a\0b")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert len(load_site(path, ENVIRONMENT).cameras) == 2


_scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
_junk = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
_CAMERA_KEYS = ("id", "group", "streams", "zones", "lines", "schedule", "place", "watch", "x")
_groups = st.lists(st.fixed_dictionaries({"id": _junk, "name": _junk}), max_size=3)
_cameras = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(_CAMERA_KEYS, _junk)), max_size=3)
_shape = st.fixed_dictionaries({}, optional={"site": _junk, "groups": _junk | _groups, "cameras": _junk | _cameras})


@settings(max_examples=150, deadline=None)
@given(_shape)
def test_whatever_shape_a_file_has_the_answer_is_a_site_or_a_config_error(data: dict[str, Any]) -> None:
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(data, stream)
    with pytest.raises(ConfigError) as caught:
        site(stream.getvalue())
    lines = stream.getvalue().count("\n") + 1
    assert caught.value.problems
    assert all(p.line is None or 1 <= p.line <= lines for p in caught.value.problems)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_at_all_is_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError):
        site(text)


@given(st.text(alphabet="abc:/@ ", max_size=12))
def test_redaction_leaves_no_credentials(password: str) -> None:
    secret = "S3" + re.sub(r"\s", "", password) + "cr3t"
    assert secret not in redact(f"see rtsp://user:{secret}@host/path and more")
