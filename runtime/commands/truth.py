"""`vbrain truth`: label what crosses a line in a clip, and score a camera's counts against it."""

import json
import webbrowser
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, TaskID
from rich.table import Table

from configs.site import Line, MonitoringPoint, Name, Settings
from configs.words import ObjectClass
from runtime.asks import tasks_of
from runtime.commands.config import load_or_fail
from runtime.commands.screen import done, fail, out, warn

if TYPE_CHECKING:
    from runtime.truth import Score

truth = typer.Typer(help="Label what crosses a line, and score a camera's counts against it.", no_args_is_help=True)

Config = Annotated[Path | None, typer.Option(help="take the camera from this file")]
Camera = Annotated[str | None, typer.Option(help="the camera whose footage it is")]
ImageRate = Annotated[
    float | None,
    typer.Option(help="images a second of a folder (1), or of a video that was filmed at another rate"),
]


@truth.command("label")
def label(
    clip: Annotated[Path, typer.Argument(help="a video file, or a folder of images")],
    line: Annotated[str, typer.Option(help="x1,y1,x2,y2 (fractions of the picture, or pixels), or a line of --camera")],
    config: Config = None,
    camera: Camera = None,
    counts: Annotated[list[ObjectClass] | None, typer.Option(help="classes; all of them, or the camera's")] = None,
    to: Annotated[Path | None, typer.Option("--out", help="the truth file; CLIP.truth.json beside the clip")] = None,
    again: Annotated[bool, typer.Option(help="begin anew instead of going on with what is in the file")] = False,
    port: Annotated[int, typer.Option(help="the page's port on this machine; any that is free")] = 0,
    browser: Annotated[bool, typer.Option(help="open the page in this machine's browser")] = True,
    image_rate: ImageRate = None,
) -> None:
    """Play a clip on a local page and press a key for each crossing; every press is saved at once."""
    from runtime.footage import FootageError, read_footage
    from runtime.truth import Truth, TruthError, read_truth
    from runtime.truth_desk import TruthDesk

    try:
        first = next(read_footage(clip, image_rate))
    except FootageError as error:
        fail(str(error))
    path = to or clip.with_name(f"{clip.stem}.truth.json")
    wanted = _line(line, _camera(config, camera), (first.pixels.shape[1], first.pixels.shape[0]))
    chosen = counts or wanted.counts
    known = Truth(
        clip=clip.name, seconds=0, line=wanted.id, start=wanted.start, end=wanted.end, counts=chosen,
        image_rate=image_rate,
    )  # fmt: skip
    if path.exists() and not again:
        try:
            before = read_truth(path)
        except TruthError as error:
            fail(f"{error}, with --again")
        if (before.start, before.end) != (known.start, known.end):
            fail(f"{path} is about another line; name another file with --out, or begin anew with --again")
        if image_rate is not None and image_rate != before.image_rate:
            fail(f"{path} was labelled at another --image-rate; leave it out, or begin anew with --again")
        known = before
    try:
        desk = TruthDesk(clip, known, path, port)
    except OSError as error:
        fail(f"port {port} cannot be used ({error.strerror}); leave out --port")
    out.print(f"label at {desk.url}\nkeys: I in, O out, space play, arrows step, Z undo; Ctrl-C or Done ends")
    if browser:
        webbrowser.open(desk.url)
    desk.serve()
    marks = desk.truth.crossings
    ways = [sum(m.direction == way for m in marks) for way in ("in", "out")]
    done(f"{path}: {ways[0]} in, {ways[1]} out. Now: vbrain truth score {path} {clip}")


@truth.command("score")
def score_counts(
    file: Annotated[Path, typer.Argument(help="what `vbrain truth label` wrote")],
    clip: Annotated[Path, typer.Argument(help="the footage that was labelled")],
    config: Config = None,
    camera: Camera = None,
    looks: Annotated[
        list[float] | None, typer.Option(help="looks a second, may be repeated; the camera's own, else 10 at most")
    ] = None,
    within: Annotated[float, typer.Option(help="seconds that a label and a count may be apart")] = 1.5,
    image_rate: ImageRate = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON and nothing else")] = False,
) -> None:
    """Count the clip as the camera would, and say what was right, missed and false, with the moments."""
    from runtime.engines import open_engines
    from runtime.footage import FootageError, read_footage
    from runtime.replay import Replay, camera_for
    from runtime.truth import TruthError, read_truth, score

    base, settings = _camera(config, camera), Settings(name=Name(zh="评分", en="Score"))
    try:
        known = read_truth(file)
        first = next(read_footage(clip, image_rate))
    except (TruthError, FootageError) as error:
        fail(str(error))
    image_rate = image_rate or known.image_rate
    if not known.crossings:
        warn(f"{file} holds no crossings: everything that is counted will be false")
    scored = known.as_line().model_copy(update={"id": "truth"})
    point = camera_for([scored], base)
    engines = open_engines(tasks_of(point), picture_size=(first.pixels.shape[1], first.pixels.shape[0]))
    for problem in engines.problems.values():
        warn(problem)
    found: dict[float, Score] = {}
    try:
        for rate in looks or [base.looks_per_second if base else 10.0]:
            replayed = Replay(point, settings, engines, rate)
            with Progress(console=out, transient=True, disable=as_json or not out.is_terminal) as bar:
                task = bar.add_task(f"counting {clip.name} at {rate:g} looks/s", total=known.seconds or None)
                result = replayed.run(clip, partial(_advance, bar, task), image_rate)
            ours = [c for c in result.crossings if c["line"] == "truth"]
            found[rate] = score(known, [(c["at"], c["direction"], ObjectClass(c["class"])) for c in ours], within)
    except FootageError as error:
        fail(str(error))
    finally:
        engines.close()
    if as_json:
        typer.echo(
            json.dumps([{"looks": rate, **s.plain()} for rate, s in found.items()], ensure_ascii=False, indent=1)
        )
    else:
        _show(found)


def _advance(bar: Progress, task: TaskID, seconds: float) -> None:
    bar.update(task, completed=seconds)


def _camera(config: Path | None, camera: str | None) -> MonitoringPoint | None:
    if config is None:
        if camera is not None:
            fail("--camera names a camera of a configuration: say which with --config FILE")
        return None
    points = load_or_fail(config).cameras
    if camera is None and len(points) == 1:
        return points[0]
    found = next((p for p in points if p.id == camera), None)
    if found is None:
        fail(f"name one of the configuration's cameras with --camera: {', '.join(p.id for p in points)}")
    return found


def _line(named: str, camera: MonitoringPoint | None, size: tuple[int, int]) -> Line:
    from runtime.replay import parse_line

    known = {line.id: line for line in camera.lines} if camera else {}
    if named in known:
        return known[named]
    if "," not in named:
        fail(f"that camera has no line {named!r}; its lines are {', '.join(known) or 'none'}; or give x1,y1,x2,y2")
    try:
        return parse_line(named, 1, size)
    except ValueError as error:
        fail(str(error))


def _show(found: "dict[float, Score]") -> None:
    table = Table("looks/s", "way", "true", "counted", "right", "missed at", "false at")
    for rate, result in found.items():
        for way, held in result.ways.items():
            table.add_row(
                f"{rate:g}", way, str(held.true), str(held.counted), str(held.right), _moments(held.missed),
                _moments(held.false),
            )  # fmt: skip
    out.print(table)
    for rate, result in found.items():
        right = [f"{v * 100:.0f} %" if v is not None else "–" for v in (result.recall, result.precision)]
        late = "" if result.mean_seconds_late is None else f", {result.mean_seconds_late:+.2f} s from the labels"
        out.print(f"{rate:g} looks/s: {right[0]} of the crossings found, {right[1]} of the counts right{late}")


def _moments(seconds: list[float], most: int = 8) -> str:
    words = ", ".join(f"{s:.1f}" for s in seconds[:most])
    return words + (" …" if len(seconds) > most else "")
