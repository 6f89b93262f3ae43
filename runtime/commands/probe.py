"""`vbrain probe URL`: what a stream is, in one screen."""

from typing import Annotated

import typer
from rich.table import Table

from configs.site import Transport
from ingest import errors
from ingest.probe import Probed
from ingest.probe import probe as read
from runtime.commands.screen import fail, out, step, warn

_LONG_GOP_SECONDS = 5.0


def probe(
    url: Annotated[str, typer.Argument(help="the stream, such as rtsp://user:password@10.0.0.8/sub")],
    transport: Annotated[Transport, typer.Option(help="how media travels")] = Transport.TCP,
    seconds: Annotated[float, typer.Option(min=1, max=60, help="how long to watch it")] = 5.0,
) -> None:
    """Tell a stream's codec, size, rate, group of pictures, audio and delays, and what would be better."""
    if not url.startswith(("rtsp://", "rtsps://")):
        fail("the address must begin with rtsp:// or rtsps://", status=2)
    where = errors.redact(url)
    try:
        with step(f"watching {where} for some {seconds:g} seconds"):
            found = read(url, transport.value, seconds)
    except errors.StreamError as error:
        fail(str(error))
    table = Table(title=where, show_header=False)
    for name, value in described(found):
        table.add_row(name, value)
    out.print(table)
    for hint in hints(found):
        warn(hint)


def described(found: Probed) -> list[tuple[str, str]]:
    """What was found, for people."""
    gop = f"{found.gop_seconds:.1f} s" if found.gop_seconds is not None else "longer than was watched"
    picture = f"{found.first_picture_seconds:.2f} s" if found.first_picture_seconds is not None else "none came"
    return [
        ("codec", found.codec + (", with B-frames" if found.has_b_frames else "")),
        ("size", f"{found.width}×{found.height}" if found.width else "unknown"),
        ("pictures", f"{found.frames_per_second:.1f} a second"),
        ("bits", f"{found.kilobits_per_second:.0f} kbit/s"),
        ("key frame every", gop),
        ("audio", found.audio or "none"),
        ("opened after", f"{found.opened_seconds:.2f} s"),
        ("first picture after", picture),
        ("latest packet came late by", f"{found.late_ms:.0f} ms"),
    ]


def hints(found: Probed) -> list[str]:
    """What to change on the camera."""
    said = []
    if found.first_picture_seconds is None:
        said.append("No picture could be decoded; check the camera's encoder and the network.")
    if found.codec != "h264":
        said.append("Browsers show H.264 live without delay; set the camera to H.264 if it is to be seen live.")
    if found.has_b_frames:
        said.append("B-frames add delay and are refused by live view; turn them off (profile Baseline, or B-frames 0).")
    if found.gop_seconds is None or found.gop_seconds > _LONG_GOP_SECONDS:
        said.append("Key frames are rare: clips and pictures start late. Set one every 1 to 2 seconds.")
    if found.late_ms > 1000:
        said.append("Packets come more than a second late at times: the network or the camera is overloaded.")
    return said
