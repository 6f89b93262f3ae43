"""What shards and the API say to each other over ZeroMQ.

Promises: one encoding (MessagePack through msgspec) and one list of topics. A shard binds an XPUB socket and a ROUTER
socket for requests (`publisher.py`); the API connects to both (`subscriber.py`). Subscribing to a packet topic *is*
asking for that stream: a shard sees the subscription, opens the main stream if need be, and first sends the last group
of pictures. The other way go the pictures of phones (`PhoneUnit`), pushed by the API to the shard that has the phones'
monitoring points (`phone_line.py`). Not here: sockets.
"""

import msgspec

from configs.words import Box, CameraId, StreamRole

OVERLAY = "overlay/"
STATE = "state/"
EVENT = "event/"


def packet_topic(camera_id: str, role: StreamRole) -> str:
    """The topic of a stream's packets. The slash at the end keeps `gate-1` from matching `gate-10`."""
    return f"packet/{camera_id}/{role.value}/"


def parse_packet_topic(topic: str) -> tuple[CameraId, StreamRole] | None:
    """The stream a packet topic names; None for any other topic."""
    parts = topic.split("/")
    if len(parts) != 4 or parts[0] != "packet" or parts[3] or parts[2] not in tuple(StreamRole):
        return None
    return CameraId(parts[1]), StreamRole(parts[2])


def request_endpoint(endpoint: str) -> str:
    """Where a shard takes requests, given where it publishes: a file beside it (ipc), the next port (tcp)."""
    if endpoint.startswith("tcp://"):
        host, _, port = endpoint.rpartition(":")
        return f"{host}:{int(port) + 1}"
    return endpoint + ".requests"


def phone_endpoint(endpoint: str) -> str:
    """Where a shard takes the pictures of phones, given where it publishes: a file beside it, or two ports on."""
    if endpoint.startswith("tcp://"):
        host, _, port = endpoint.rpartition(":")
        return f"{host}:{int(port) + 2}"
    return endpoint + ".phones"


def state_topic(camera_id: str, role: StreamRole) -> str:
    """The topic of a stream's health."""
    return f"{STATE}{camera_id}/{role.value}/"


def overlay_topic(camera_id: str) -> str:
    """The topic of a camera's overlays."""
    return f"{OVERLAY}{camera_id}/"


class PacketMessage(msgspec.Struct, frozen=True, array_like=True):
    """One encoded access unit, as `ingest.words.Packet`. `is_replay` marks what comes from the ring, not from now.
    `sequence` grows by one with each message of a topic, so that whoever listens notices what got lost on the way."""

    camera_id: str
    role: StreamRole
    data: bytes
    is_keyframe: bool
    stream_time: float
    captured_at: float
    codec: str
    width: int
    height: int
    is_replay: bool
    sequence: int = 0


class OverlayBox(msgspec.Struct, frozen=True):
    """One box to draw: normalised corners, its class, its track (none for smoke and fire)."""

    box: Box
    object_class: str
    confidence: float
    track_id: int | None = None


class OverlayMessage(msgspec.Struct, frozen=True):
    """What one look saw, stamped with the stream's time and the moment of capture. `counts` maps a line's id to
    (in, out) since the shard started, `occupancy` a zone's id to the people in it now."""

    camera_id: str
    stream_time: float
    captured_at: float
    boxes: list[OverlayBox]
    counts: dict[str, tuple[int, int]] = {}
    occupancy: dict[str, int] = {}


class AttentionFigures(msgspec.Struct, frozen=True):
    """What became of a camera's frames since its shard began (`detectors.attention.CameraCounters`); by task."""

    bids: int
    shed: int
    unwanted: int
    age_seconds: float
    looks: dict[str, int]
    longest_gap: dict[str, float]
    #: Nothing moves: key frames alone are decoded.
    rests: bool = False


class StateMessage(msgspec.Struct, frozen=True):
    """One stream's health (the fields of `ingest.words.StreamHealth`) and what its camera's analysis does."""

    camera_id: str
    role: StreamRole
    state: str
    since: float
    cause: str
    reason: str
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    frames_per_second: float = 0.0
    bits_per_second: float = 0.0
    gop_seconds: float | None = None
    packets: int = 0
    frames_decoded: int = 0
    frames_shed: int = 0
    reconnects: int = 0
    ring_bytes: int = 0
    last_picture_at: float | None = None
    looks_per_second: float = 0.0
    moving: bool = False
    decode_seconds: float = 0.0
    #: How often the connection failed, by cause.
    failures: dict[str, int] = {}
    #: The camera's recording (`ingest.recorder.RecordingState`), told with its sub stream; counted since the start.
    recording: str | None = None
    recorded_bytes: int = 0
    recorded_segments: int = 0
    recording_dropped: int = 0
    #: Told with the sub stream.
    attention: AttentionFigures | None = None


class EventMessage(msgspec.Struct, frozen=True):
    """Something changed in the database; whoever shows it reads it there. `kind` is like `incident.opened`."""

    kind: str
    subject_id: str
    at: float


class PhoneUnit(msgspec.Struct, frozen=True, array_like=True):
    """What a phone that is a camera has filmed: one access unit of H.264 (Annex B) at a time in seconds.

    Each says all there is to know, so that a shard that has just begun needs nothing else: `broadcast` names this
    person's broadcast, `spot` is where on the plan, None when that is not known. With `is_over` there is no picture,
    and none will come."""

    camera_id: str
    broadcast: str
    person: str
    spot: tuple[float, float] | None
    data: bytes
    is_keyframe: bool
    stream_time: float
    is_over: bool = False


class Request(msgspec.Struct, frozen=True):
    """A question to a shard: `states`, `models` or `snapshot` (of `camera_id`)."""

    verb: str
    camera_id: CameraId | None = None


class Reply(msgspec.Struct, frozen=True):
    """Its answer: `body` is JPEG for a snapshot, JSON otherwise; `error` a sentence when there is none."""

    error: str | None = None
    body: bytes = b""
