"""What a shard holds for one camera, and how its camera is opened: over the network, or handed over by a phone.

Not here: what becomes of its pictures (`shard.py`).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from configs.site import MonitoringPoint, Place, Settings
from configs.words import is_phone
from detectors.catalogue import Task
from ingest.camera import Camera
from ingest.state import Patience
from ingest.words import Frame, FrameWish, Packet, StreamHealth
from runtime.camera_watch import CameraWatch
from runtime.engines import Engines
from runtime.phones import Phones
from runtime.resting import Resting

#: A phone that fell silent for a moment is there again as soon as its next key frame.
_PHONE_PATIENCE = Patience(retry_first_seconds=0.1, retry_most_seconds=0.5)


@dataclass(slots=True)
class Post:
    """All that a shard holds for one camera. `place`: where it is now; that of a phone need not be known."""

    point: MonitoringPoint
    place: Place | None
    camera: Camera
    watch: CameraWatch
    resting: Resting
    tasks: set[Task]
    wish: FrameWish | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    confirming: set[Task] = field(default_factory=set)
    looks: int = 0
    looks_at_last_report: int = 0


def open_camera(
    point: MonitoringPoint,
    settings: Settings,
    phones: Phones,
    on_packet: Callable[[Packet], None],
    on_frame: Callable[[Frame], None],
    on_health: Callable[[StreamHealth], None],
) -> Camera:
    """The camera of a monitoring point, not yet started."""
    streams = point.streams
    urls = streams.sub.get_secret_value(), streams.main.get_secret_value() if streams.main else None
    if not is_phone(point.id):
        return Camera(
            point.camera_id, *urls, streams.transport.value, ring_seconds=settings.ring_seconds, on_packet=on_packet,
            on_frame=on_frame, on_health=on_health,
        )  # fmt: skip
    return Camera(
        point.camera_id, *urls, streams.transport.value, ring_seconds=settings.ring_seconds, on_packet=on_packet,
        on_frame=on_frame, on_health=on_health, opener=phones.handover(point.camera_id).open,
        patience=_PHONE_PATIENCE, start_spread_seconds=0.0, main_linger_seconds=0.0, is_carried=True,
    )  # fmt: skip


def wish_for(engines: Engines, tasks: set[Task], per_second: float, rest_seconds: float = 0.0) -> FrameWish:
    """What pictures these tasks need."""
    width, height = engines.frame_size(tasks)
    return FrameWish(width, height, per_second if tasks else 0.0, rest_seconds=rest_seconds)
