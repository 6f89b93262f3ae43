"""A shard for tests whose cameras are real RTSP streams: ingest reads them, a real `Publisher` hands them on."""

import threading
from collections.abc import Mapping

from configs.words import CameraId, StreamRole
from ingest.camera import Camera
from ingest.words import StreamHealth
from live.publisher import Publisher
from live.wire import Reply, Request, StateMessage


class RtspShard:
    """`urls` maps a camera's id to its sub stream and, if it has one, its main stream."""

    def __init__(self, endpoint: str, urls: Mapping[str, tuple[str, str | None]]) -> None:
        self.publisher = Publisher(endpoint, self._subscribed, self._unsubscribed, self._answer)
        self.subscribed: list[tuple[CameraId, StreamRole]] = []
        self.unsubscribed: list[tuple[CameraId, StreamRole]] = []
        self._stop = threading.Event()
        self._reporter = threading.Thread(target=self._report, daemon=True)
        self._cameras = {
            CameraId(camera_id): Camera(
                CameraId(camera_id), sub, main, "tcp", ring_seconds=5.0, on_packet=self.publisher.publish_packet,
                on_frame=lambda frame: None, on_health=self._health, start_spread_seconds=0.0, main_linger_seconds=0.5,
            )
            for camera_id, (sub, main) in urls.items()
        }  # fmt: skip
        self._roles = {
            CameraId(camera_id): (StreamRole.SUB, StreamRole.MAIN) if main else (StreamRole.SUB,)
            for camera_id, (_, main) in urls.items()
        }

    def start(self) -> None:
        self.publisher.start()
        for camera in self._cameras.values():
            camera.start()
        self._reporter.start()

    def stop(self) -> None:
        self._stop.set()
        self._reporter.join(5)
        for camera in self._cameras.values():
            camera.stop(15)
        self.publisher.stop()

    def _report(self) -> None:
        while not self._stop.wait(0.5):
            for camera_id, camera in self._cameras.items():
                for role in self._roles[camera_id]:
                    self._health(camera.health(role))

    def _health(self, health: StreamHealth) -> None:
        self.publisher.publish_state(
            StateMessage(
                health.camera_id, health.role, health.state.value, health.since, health.cause, health.reason,
                health.codec, health.width, health.height, health.frames_per_second, health.bits_per_second,
                last_picture_at=health.last_picture_at,
            )
        )  # fmt: skip

    def _subscribed(self, camera_id: CameraId, role: StreamRole) -> None:
        self.subscribed.append((camera_id, role))
        camera = self._cameras[camera_id]
        camera.set_prompt(role, True)
        if role is StreamRole.MAIN:
            camera.hold_main("viewer")
        for packet in camera.recent(role):
            self.publisher.publish_replay(packet)

    def _unsubscribed(self, camera_id: CameraId, role: StreamRole) -> None:
        self.unsubscribed.append((camera_id, role))
        self._cameras[camera_id].set_prompt(role, False)
        if role is StreamRole.MAIN:
            self._cameras[camera_id].release_main("viewer")

    def _answer(self, request: Request) -> Reply:
        return Reply(error=f"no verb {request.verb!r}")
