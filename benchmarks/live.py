"""What a viewer costs: percent of a core, first picture, delay and loss, beside aiortc's own ways; and what he leaves.

    python benchmarks/live.py [--parts cost,churn,glass,analysis] [--viewers 20,50,100] [--seconds 15] [--quick]

- `cost`: each server runs in a process of its own and only its CPU time is counted; a shard (encoded pictures at their
  own pace) and the receivers are two more. `ours` is the whole API service, `ours+transcode` the same on H.265, which
  is transcoded once for all; `relay` is aiortc's MediaPlayer and MediaRelay with decode=False on the same pictures,
  `relay+decode` the same decoding and encoding anew for each viewer, by few viewers because it costs so much. First
  picture: from the POST to the last RTP packet of the first key frame. Delay: from publishing a picture to its being
  decoded by a receiver, on loopback.
- `churn`: a thousand joins and leaves (`live_churn.py`).
- `glass`: from a camera's sending a picture to its being on show in Chromium (`live_glass.py`).
- `analysis`: looks a second with 20 viewers, as a share of those without (`live_analysis.py`).

`--quick` does a little of each, to see that it works. Ends with one line of JSON.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rich.console import Console
from rich.table import Table

from benchmarks import live_analysis, live_churn, live_glass
from benchmarks.live_servers import (
    CLIP_SECONDS,
    FORMATS,
    children,
    cpu_seconds,
    heard,
    logged_in,
    memory_mb,
    pictures,
    publish,
    serve,
    write_clip,
)
from benchmarks.live_viewers import SETTLE_SECONDS, delays, receive

TARGETS = {"640x360x10": 0.40, "1280x720x15": 0.55}
DECODING_VIEWERS = 4


@dataclass
class Row:
    """One server, one format, one number of viewers."""

    server: str
    format: str
    viewers: int
    cpu_percent: float = 0.0
    percent_a_viewer: float = 0.0
    packets: int = 0
    lost: int = 0
    without_picture: int = 0
    first_ms: list[float] = field(default_factory=list)
    delay_ms: list[float] = field(default_factory=list)
    memory_mb: float = 0.0


def cost(server: str, name: str, viewers: int, seconds: float, folder: Path) -> Row:
    """One row of the table."""
    row = Row(server, name, viewers)
    clip = folder / f"{name}.ts"
    ours = server.startswith("ours")
    with tempfile.TemporaryDirectory(prefix="live-bench-") as work, children() as started:
        shard = None
        if ours:
            shard = started.start(publish, work, name, "hevc" if server.endswith("transcode") else "h264")
            heard(shard)
        elif not clip.exists():
            write_clip(clip, pictures(name), FORMATS[name][1], CLIP_SECONDS)
        pid, url = heard(started.start(serve, server, work, str(clip), 1))
        logged_in(url)
        time.sleep(SETTLE_SECONDS)
        receivers = started.start(receive, url, viewers, 1, seconds, ours, False)
        heard(receivers, 120 + 30 * viewers)
        cpu, began = cpu_seconds(pid), time.monotonic()
        result = heard(receivers, seconds + 120)
        row.cpu_percent = 100 * (cpu_seconds(pid) - cpu) / (time.monotonic() - began)
        row.memory_mb = memory_mb(pid)
        row.percent_a_viewer = row.cpu_percent / viewers
        row.packets, row.lost = result["packets"], result["lost"]
        row.first_ms = [1000 * s for s in result["first"] if s is not None]
        row.without_picture = sum(s is None for s in result["first"])
        if shard is not None:
            shard.send(None)
            row.delay_ms = delays(result["seen"], heard(shard))
    return row


def costs(console: Console, options: argparse.Namespace) -> list[dict[str, Any]]:
    rows: list[Row] = []
    counts = [int(v) for v in options.viewers.split(",")]
    few = {"relay+decode": [DECODING_VIEWERS], "ours+transcode": [max(counts)]}
    with tempfile.TemporaryDirectory(prefix="live-clips-") as folder:
        for name in options.formats.split(","):
            for server in options.servers.split(","):
                for viewers in few.get(server, counts):
                    console.print(f"{server}, {name}, {viewers} viewers …")
                    rows.append(cost(server, name, viewers, options.seconds, Path(folder)))
    table = Table(
        "server", "stream", "viewers", "% core", "a viewer", "target", "lost", "first ms", "delay ms", "MB",
        title="percent of a core; first picture and delay: p50 / p95 in ms",
    )  # fmt: skip
    for row in rows:
        table.add_row(
            row.server, row.format, str(row.viewers), f"{row.cpu_percent:.1f}", f"{row.percent_a_viewer:.2f}",
            f"{TARGETS[row.format]:.2f}", f"{row.lost} of {row.packets}",
            _pair(row.first_ms) + (f", {row.without_picture} none" if row.without_picture else ""),
            _pair(row.delay_ms), f"{row.memory_mb:.0f}",
        )  # fmt: skip
    console.print(table)
    return [_short(asdict(row)) for row in rows]


def churn(console: Console, options: argparse.Namespace) -> dict[str, Any]:
    console.print(f"{options.churn} joins and leaves …")
    found = live_churn.measure(options.churn)
    table = Table("after joins", "MB", "threads", "open files", "still open", title="what they leave")
    for at in (found["warm"], found["end"]):
        table.add_row(
            f"{at['joins']}", f"{at['memory_mb']:.0f}", f"{at['threads']}", f"{at['files']}", f"{at['open']:.0f}"
        )
    console.print(table)
    console.print(
        f"memory at the end is {found['memory_ratio']:.2f} of that after the first tenth; "
        f"{found['without_picture']} saw no picture"
    )
    return found


def glass(console: Console, options: argparse.Namespace) -> list[dict[str, Any]]:
    found = []
    for name in options.formats.split(","):
        console.print(f"glass to glass, {name} …")
        one = live_glass.measure(name, 2 * options.seconds)
        if "problem" in one:
            console.print(f"not measured: {one['problem']}")
            found.append({"format": name, **one})
            continue
        console.print(
            f"{name}: first picture after {one['first_ms']:.0f} ms, then camera to Chromium {_pair(one['delay_ms'])} "
            f"ms (p50 / p95 of {one['pictures']} pictures; target p95 under 400)"
        )
        found.append(_short({"format": name, **one}))
    return found


def analysis(console: Console, options: argparse.Namespace) -> dict[str, Any]:
    console.print(f"looks of {options.cameras} cameras with and without 20 viewers …")
    found = live_analysis.measure(20, options.cameras, options.seconds, options.rounds)
    console.print(
        f"looks a second alone {_each(found['alone'])}, watched {_each(found['watched'])}: {found['ratio']:.2f} of "
        "them stay (target 0.90)"
    )
    return found


PARTS = {"cost": costs, "churn": churn, "glass": glass, "analysis": analysis}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--viewers", default="20,50,100")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--servers", default="ours,relay,relay+decode,ours+transcode")
    parser.add_argument("--churn", type=int, default=1000, help="joins and leaves")
    parser.add_argument("--cameras", type=int, default=37, help="cameras that are analysed")
    parser.add_argument("--rounds", type=int, default=3, help="turns of analysis with and without viewers")
    parser.add_argument("--quick", action="store_true", help="a little of each, to see that it works")
    options = parser.parse_args()
    if options.quick:
        options.viewers, options.seconds, options.churn, options.cameras, options.rounds = "4", 5.0, 40, 6, 1
        options.formats = "640x360x10"
    console = Console()
    figures: dict[str, Any] = {"benchmark": "live", "load_before": os.getloadavg()[0]}
    for part in options.parts.split(","):
        figures[part] = PARTS[part](console, options)
    print(json.dumps(figures))


def percentile(values: list[float], share: float) -> float | None:
    return statistics.quantiles(values, n=100)[round(share * 100) - 1] if len(values) > 1 else None


def _pair(values: list[float]) -> str:
    p50, p95 = percentile(values, 0.50), percentile(values, 0.95)
    return "" if p50 is None or p95 is None else f"{p50:.0f} / {p95:.0f}"


def _each(values: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Lists as their p50 and p95."""
    short = dict(row)
    for name in [name for name, value in row.items() if isinstance(value, list) and name.endswith("_ms")]:
        values = short.pop(name)
        short[name.replace("_ms", "_p50_ms")] = percentile(values, 0.50)
        short[name.replace("_ms", "_p95_ms")] = percentile(values, 0.95)
    return short


if __name__ == "__main__":
    main()
