"""`vbrain replay`: the live pipeline on a file."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from configs.site import MonitoringPoint, Name, Settings
from runtime.asks import tasks_of
from runtime.commands.config import load_or_fail
from runtime.commands.screen import fail, out, warn

if TYPE_CHECKING:
    from runtime.replay import ReplayResult


def replay(
    clip: Annotated[Path, typer.Argument(help="a video file, or a folder of images")],
    config: Annotated[Path | None, typer.Option(help="take settings and cameras from this file")] = None,
    camera: Annotated[str | None, typer.Option(help="replay as this camera: its zones, lines and watches")] = None,
    line: Annotated[
        list[str] | None, typer.Option(help="count crossings of x1,y1,x2,y2 too: fractions of the picture, or pixels")
    ] = None,
    looks: Annotated[
        float | None, typer.Option(help="looks a second; the camera's own, else as many as the footage has, at most 10")
    ] = None,
    image_rate: Annotated[
        float | None,
        typer.Option(help="images a second of a folder (1), or of a video that was filmed at another rate"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON and nothing else")] = False,
) -> None:
    """Run the live pipeline on a file, and print tracks, crossings and alerts with their times."""
    # Imported here: the other commands need neither OpenCV nor an engine in memory.
    from runtime.engines import open_engines
    from runtime.footage import FootageError, read_footage
    from runtime.replay import Replay, camera_for, parse_line

    settings, base = Settings(name=Name(zh="回放", en="Replay")), None
    if config is not None:
        site = load_or_fail(config)
        settings = site.site
        base = _camera(site.cameras, camera)
    elif camera is not None:
        fail("--camera names a camera of a configuration: say which with --config FILE")
    try:
        first = next(read_footage(clip, image_rate))
    except FootageError as error:
        fail(str(error))
    size = (first.pixels.shape[1], first.pixels.shape[0])
    try:
        lines = [parse_line(text, n, size) for n, text in enumerate(line or [], start=1)]
    except ValueError as error:
        fail(str(error))
    point = camera_for(lines, base)
    engines = open_engines(tasks_of(point), picture_size=size)
    for problem in engines.problems.values():
        warn(problem)
    if not engines.by_task:
        fail("there is no model to look with: run `vbrain models list` to see what is missing and how to get it")
    run = Replay(point, settings, engines, looks or (base.looks_per_second if base else 10.0))
    try:
        with Progress(console=out, transient=True, disable=as_json or not out.is_terminal) as bar:
            task = bar.add_task(f"replaying {clip.name}", total=None)
            result = run.run(clip, lambda seconds: bar.update(task, completed=seconds), image_rate)
    except FootageError as error:
        fail(str(error))
    finally:
        engines.close()
    if as_json:
        typer.echo(json.dumps(asdict(result), ensure_ascii=False, indent=1))
    else:
        _show(result)


def _camera(cameras: list[MonitoringPoint], wanted: str | None) -> MonitoringPoint | None:
    if wanted is None:
        return cameras[0] if len(cameras) == 1 else None
    for point in cameras:
        if point.id == wanted:
            return point
    fail(f"no camera {wanted!r} in the configuration; cameras are {', '.join(c.id for c in cameras)}")


def _show(result: "ReplayResult") -> None:
    looks = ", ".join(f"{count} {task}" for task, count in result.looks.items())
    out.print(f"{result.seconds:.1f} s of footage, {result.pictures} pictures, looks: {looks}")
    out.print(f"{len(result.tracks)} tracks")
    if result.counts:
        table = Table("line", "in", "out", title="Crossings")
        for name, both in result.counts.items():
            table.add_row(name, str(both["in"]), str(both["out"]))
        out.print(table)
    for alert in result.alerts:
        reason = alert["reason"]
        out.print(f"[red]{alert['at']:7.1f} s  {alert['kind']}[/red]  {reason['zh']}  {reason['en']}")
    if not result.alerts:
        out.print("no alerts")
