"""A camera for tests: real H.264, published by a real `Publisher` at its own pace, from a thread."""

import threading
import time
from collections import deque
from fractions import Fraction

import av
import numpy as np

from configs.words import CameraId, Instant, StreamRole
from ingest.words import Packet
from live.publisher import Publisher
from live.wire import Reply, Request, StateMessage


def picture(number: int, size: tuple[int, int], grain: bool = False) -> av.VideoFrame:
    """A moving bar on a grey that tells the number modulo 20; with `grain`, as hard to encode as a windy tree."""
    width, height = size
    shown = np.full((height, width, 3), 40 + number % 20 * 10, np.uint8)
    if grain:
        noise = np.random.default_rng(number).integers(-12, 13, (height // 4, width // 4, 1), np.int16)
        grained = shown + np.kron(noise, np.ones((4, 4, 1), np.int16))
        shown = np.clip(grained, 0, 255).astype(np.uint8)
    left = number * 7 % (width - 16)
    shown[:, left : left + 16] = 255
    frame = av.VideoFrame.from_ndarray(shown, format="bgr24")
    frame.pts = number
    return frame


def encode(
    camera_id: str = "gate",
    role: StreamRole = StreamRole.SUB,
    frames: int = 60,
    gop: int = 20,
    fps: int = 10,
    size: tuple[int, int] = (320, 192),
    codec: str = "h264",
    profile: str = "main",
    bit_rate: int | None = None,
) -> list[Packet]:
    """Packets of numbered pictures, a key frame every `gop` frames; with `bit_rate`, about that many bits a second."""
    name = {"h264": "libx264", "hevc": "libx265"}[codec]
    context = av.CodecContext.create(name, "w")
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, fps)
    context.gop_size = gop
    context.max_b_frames = 0
    context.thread_count = 1
    if bit_rate is not None:
        context.bit_rate = bit_rate
    if codec == "h264":
        context.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "scenecut=0:repeat-headers=1"}
        context.profile = profile.capitalize()
    else:
        context.options = {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "repeat-headers=1:log-level=0"}
    packets = []
    for number in range(frames):
        packets += context.encode(picture(number, size, grain=bit_rate is not None))
    packets += context.encode(None)
    return [
        Packet(
            CameraId(camera_id),
            role,
            bytes(p),
            bool(p.is_keyframe),
            number / fps,
            Instant(1_700_000_000.0 + number / fps),
            codec,
            *size,
        )
        for number, p in enumerate(packets)
    ]


class TestShard:
    """Publishes the packets of its streams round and round, in step with the clock, and answers like a shard."""

    __test__ = False

    def __init__(self, endpoint: str, streams: list[list[Packet]], fps: int = 10) -> None:
        self.publisher = Publisher(endpoint, self._subscribed, self._unsubscribed, self._answer)
        self._streams, self._period = streams, 1 / fps
        self._rings: dict[tuple[CameraId, StreamRole], deque[Packet]] = {
            (packets[0].camera_id, packets[0].role): deque(maxlen=1000) for packets in streams
        }
        self.subscribed: list[tuple[CameraId, StreamRole]] = []
        self.unsubscribed: list[tuple[CameraId, StreamRole]] = []
        self.silent = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self.publisher.start()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self.publisher.stop()

    def captured_at(self, number: int) -> Instant:
        """When picture `number` was taken."""
        return Instant(time.time())

    def step(self, number: int) -> None:
        """Publishes packet `number` of each stream, as if just captured."""
        captured_at = self.captured_at(number)
        for packets in self._streams:
            old = packets[number % len(packets)]
            stream_time = number * self._period
            packet = Packet(
                old.camera_id, old.role, old.data, old.is_keyframe, stream_time, captured_at, old.codec,
                old.width, old.height,
            )  # fmt: skip
            with self._lock:
                ring = self._rings[packet.camera_id, packet.role]
                if packet.is_keyframe:
                    ring.clear()
                ring.append(packet)
            self.publisher.publish_packet(packet)

    def _run(self) -> None:
        number = 0
        began = time.monotonic()
        while not self._stop.wait(max(0.0, began + number * self._period - time.monotonic())):
            self.step(number)
            if number % 5 == 0 and not self.silent:
                self._report()
            number += 1

    def _report(self) -> None:
        for packets in self._streams:
            self.publisher.publish_state(self._state(packets[0]))

    @staticmethod
    def _state(packet: Packet) -> StateMessage:
        now = time.time()
        return StateMessage(
            packet.camera_id, packet.role, "online", now - 60, "online", "Pictures are arriving.", packet.codec,
            packet.width, packet.height, 10.0, 250_000.0, 2.0, last_picture_at=now, looks_per_second=4.0,
        )  # fmt: skip

    def _subscribed(self, camera_id: CameraId, role: StreamRole) -> None:
        self.subscribed.append((camera_id, role))
        with self._lock:
            past = list(self._rings.get((camera_id, role), ()))
        for packet in past:
            self.publisher.publish_replay(packet)

    def _unsubscribed(self, camera_id: CameraId, role: StreamRole) -> None:
        self.unsubscribed.append((camera_id, role))

    def _answer(self, request: Request) -> Reply:
        if request.verb == "snapshot":
            return Reply(body=b"\xff\xd8 a picture \xff\xd9")
        if request.verb == "models":
            return Reply(body=b'[{"task": "objects", "model": "yolo11n", "input_size": [416, 256], "problem": null}]')
        return Reply(error=f"no verb {request.verb!r}")
