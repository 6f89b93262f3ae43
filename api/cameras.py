"""The cameras as they stand now: what the configuration says, joined with what the shards report.

Promises: a camera whose shard is silent is shown as unknown, with that reason, never as online from stale data. Not
here: who listens to the shards (`live/subscriber.py`), who is told of changes (`bulletin.py`).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from api import schemas_site as shapes
from api.schemas import Text
from api.schemas_recordings import RecordingStatus
from api.schemas_site import ShownState
from configs.phones import carried_by, phone_points
from configs.site import MonitoringPoint, Place, Site
from configs.words import CameraId, StreamRole, is_phone
from ingest.errors import SENTENCES
from live.phones import Broadcast
from live.wire import StateMessage

SILENT_SECONDS = 5.0
_SILENT = Text(
    zh="负责该摄像机的处理进程没有响应；若持续如此请重启服务。",
    en="The process that owns this camera is silent; restart the service if this stays.",
)
_NOT_WATCHED = Text(zh="已在配置中停用。", en="Disabled in the configuration.")


#: The groups of cameras that are somebody's; None: all of them.
CameraGroups = frozenset[str] | None


@dataclass(slots=True)
class _Heard:
    message: StateMessage
    at: float


class CameraBoard:
    """Keeps the last state of every stream. `hear` from the event loop; everything else from any thread. `phones` gives
    whose broadcasts there are: a phone's point is listed only while there is one, but always known, for what it
    recorded."""

    def __init__(
        self,
        site: Site,
        viewers: Callable[[str, StreamRole], int] = lambda camera_id, role: 0,
        clock: Callable[[], float] = time.monotonic,
        transcode_cores: Callable[[str, StreamRole], float | None] = lambda camera_id, role: None,
        phones: Callable[[], Mapping[CameraId, Broadcast]] = dict,
    ) -> None:
        self._points = {point.id: point for point in (*site.cameras, *phone_points(site))}
        self._phones = phones
        self._viewers, self._clock, self._transcode_cores = viewers, clock, transcode_cores
        self._heard: dict[tuple[str, StreamRole], _Heard] = {}
        self._told: dict[str, tuple[str | None, ...]] = {}

    @property
    def camera_ids(self) -> list[str]:
        """Those that are to be shown, in the order of the configuration; then phones."""
        live = self._phones()
        return [camera_id for camera_id in self._points if not is_phone(camera_id) or camera_id in live]

    def __contains__(self, camera_id: str) -> bool:
        return camera_id in self._points

    def point(self, camera_id: str) -> MonitoringPoint:
        """The camera's configuration. Raises KeyError."""
        return self._points[camera_id]

    def roles(self, camera_id: str) -> tuple[StreamRole, ...]:
        """The streams that the camera has; none when there is no such camera."""
        point = self._points.get(camera_id)
        return tuple(_roles(point)) if point is not None else ()

    def hear(self, message: StateMessage) -> None:
        """Takes in what a shard reports; of cameras that are not configured here nothing is kept."""
        if message.camera_id in self._points:
            self._heard[message.camera_id, message.role] = _Heard(message, self._clock())

    def fresh(self, camera_id: str, role: StreamRole) -> StateMessage | None:
        """The stream's last report, unless it is too old to be believed."""
        heard = self._heard.get((camera_id, role))
        return heard.message if heard and self._clock() - heard.at <= SILENT_SECONDS else None

    @property
    def hears_all(self) -> bool:
        """Whether every enabled camera's shard reports."""
        cameras = (p for p in self._points.values() if p.enabled and not is_phone(p.id))
        return all(self.fresh(p.id, StreamRole.SUB) is not None for p in cameras)

    def changed(self) -> list[str]:
        """The cameras that are shown otherwise than when this was last asked."""
        changed, live = [], self._phones()
        for camera_id, point in self._points.items():
            broadcast = live.get(CameraId(camera_id))
            if is_phone(camera_id) and broadcast is None:
                # Told once when it is over, and not at all before it began.
                if self._told.pop(camera_id, None) is not None:
                    changed.append(camera_id)
                continue
            message = self.fresh(camera_id, StreamRole.SUB)
            shown = (
                *(self._shown(point, role)[0].value for role in _roles(point)),
                _trouble(message.recording) if message else None,
                f"{broadcast.person.id} {broadcast.whereabouts}" if broadcast else None,
            )
            if self._told.get(camera_id) != shown:
                self._told[camera_id] = shown
                changed.append(camera_id)
        return changed

    def view(self, camera_id: str) -> shapes.Camera:
        """The camera for the interface. Raises KeyError."""
        point, broadcast = self._points[camera_id], self._phones().get(CameraId(camera_id))
        if broadcast is not None:
            point = carried_by(point, broadcast.person.name)
        streams = [self._stream(point, role) for role in _roles(point)]
        sub = streams[0]
        message = self.fresh(camera_id, StreamRole.SUB)
        pictures = [s.last_picture_at for s in streams if s.last_picture_at is not None]
        return shapes.Camera(
            id=point.id,
            name=point.name,
            place=_place(broadcast) if is_phone(camera_id) else point.place,
            phone=_phone(broadcast) if is_phone(camera_id) else None,
            group=point.group,
            enabled=point.enabled,
            watch=point.watch,
            zones=[shapes.Zone(id=z.id, name=z.name, polygon=z.polygon, crowd_at=z.crowd_at) for z in point.zones],
            lines=[shapes.Line(id=n.id, name=n.name, start=n.start, end=n.end, counts=n.counts) for n in point.lines],
            state=sub.state,
            reason=sub.reason,
            streams=streams,
            last_picture_at=max(pictures, default=None),
            frames_per_second=sub.frames_per_second,
            looks_per_second=message.looks_per_second if message else 0.0,
            moving=message.moving if message else False,
            recording=_recording(message),
        )

    def _shown(self, point: MonitoringPoint, role: StreamRole) -> tuple[ShownState, str, Text]:
        if not point.enabled:
            return ShownState.DISABLED, "disabled", _NOT_WATCHED
        message = self.fresh(point.id, role)
        if message is None:
            return ShownState.UNKNOWN, "shard_silent", _SILENT
        if is_phone(point.id) and message.state == ShownState.DISABLED and CameraId(point.id) in self._phones():
            zh, en = SENTENCES["connecting"]
            return ShownState.CONNECTING, "connecting", Text(zh=zh, en=en)
        chinese = SENTENCES[message.cause][0] if message.cause in SENTENCES else message.reason
        return ShownState(message.state), message.cause, Text(zh=chinese, en=message.reason)

    def _stream(self, point: MonitoringPoint, role: StreamRole) -> shapes.Stream:
        state, cause, reason = self._shown(point, role)
        message = self.fresh(point.id, role)
        last = self._heard.get((point.id, role))
        return shapes.Stream(
            role=role,
            state=state,
            since=_moment(message.since) if message else None,
            cause=cause,
            reason=reason,
            codec=message.codec if message else None,
            width=message.width if message else None,
            height=message.height if message else None,
            frames_per_second=message.frames_per_second if message else 0.0,
            bits_per_second=message.bits_per_second if message else 0.0,
            gop_seconds=message.gop_seconds if message else None,
            # The moment of the last picture stays true when nothing more is heard.
            last_picture_at=_moment(last.message.last_picture_at) if last else None,
            reconnects=message.reconnects if message else 0,
            failures=dict(message.failures) if message else {},
            frames_shed=message.frames_shed if message else 0,
            ring_bytes=message.ring_bytes if message else 0,
            viewers=self._viewers(point.id, role),
            transcode_cores=self._transcode_cores(point.id, role),
        )


def in_groups(board: CameraBoard, groups: CameraGroups, camera_id: str | None) -> bool:
    """Whether what is of this camera belongs to the groups. What is of no camera (None) always does; what is of a
    camera that is not configured any more, only where the groups are all."""
    if groups is None or camera_id is None:
        return True
    return camera_id in board and board.point(camera_id).group in groups


def _place(broadcast: Broadcast | None) -> Place | None:
    where = broadcast.whereabouts if broadcast else None
    if where is None or where.spot is None:
        return None
    return Place(x=where.spot[0], y=where.spot[1], latitude=where.latitude, longitude=where.longitude)


def _phone(broadcast: Broadcast | None) -> shapes.CarriedPhone:
    if broadcast is None:
        return shapes.CarriedPhone(is_live=False, person="", person_id="", since=None)
    person = broadcast.person
    return shapes.CarriedPhone(
        is_live=True, person=person.name, person_id=person.id, since=_moment(broadcast.since)
    )  # fmt: skip


def _roles(point: MonitoringPoint) -> list[StreamRole]:
    return [StreamRole.SUB] + ([StreamRole.MAIN] if point.streams.main is not None else [])


def _trouble(recording: str | None) -> str | None:
    """Recording comes and goes; that it cannot is worth telling at once."""
    return recording if recording in ("disk_full", "failed") else None


def _recording(message: StateMessage | None) -> RecordingStatus | None:
    if message is None or message.recording is None:
        return None
    return RecordingStatus.model_validate(
        {
            "state": message.recording,
            "written_bytes": message.recorded_bytes,
            "dropped": message.recording_dropped,
        }
    )


def _moment(instant: float | None) -> datetime | None:
    return None if instant is None else datetime.fromtimestamp(instant, UTC)
