"""The packet ring keeps what is needed, from a key frame, within its bounds."""

from hypothesis import given
from hypothesis import strategies as st

from configs.words import CameraId, Instant, StreamRole
from ingest.ring import PacketRing
from ingest.words import Packet


def packet(at: float, is_keyframe: bool = False, size: int = 100) -> Packet:
    return Packet(CameraId("c"), StreamRole.SUB, bytes(size), is_keyframe, at, Instant(at), "h264", 16, 16)


def filled(ring: PacketRing, seconds: float, gop: int = 10, size: int = 100) -> PacketRing:
    for n in range(int(seconds * 10)):
        ring.append(packet(n / 10, n % gop == 0, size))
    return ring


def test_what_no_key_frame_precedes_is_not_kept() -> None:
    ring = PacketRing(5, 10_000)
    ring.append(packet(0.0))
    assert ring.recent() == []
    assert ring.size == 0


def test_recent_starts_at_the_last_key_frame() -> None:
    recent = filled(PacketRing(5, 1 << 20), 3.5).recent()
    assert recent[0].is_keyframe
    assert recent[0].stream_time == 3.0
    assert len(recent) == 5


def test_a_pre_roll_is_at_least_as_long_as_asked() -> None:
    ring = filled(PacketRing(5, 1 << 20), 60)
    recent = ring.recent(4.5)
    assert recent[0].is_keyframe
    assert 4.5 <= recent[-1].captured_at - recent[0].captured_at < 5.5


def test_the_whole_ring_is_given_when_more_is_asked_than_there_is() -> None:
    assert filled(PacketRing(5, 1 << 20), 2).recent(60)[0].stream_time == 0.0


def test_no_more_is_kept_than_the_seconds_need() -> None:
    kept = filled(PacketRing(5, 1 << 20), 60).recent(1000)
    assert 5.0 <= kept[-1].captured_at - kept[0].captured_at < 6.0 + 0.2


def test_one_endless_group_of_pictures_does_not_eat_the_memory() -> None:
    ring = PacketRing(5, 5_000)
    ring.append(packet(0.0, True))
    for n in range(1, 1000):
        ring.append(packet(n / 10))
    assert ring.size <= 5_000
    assert ring.overflowed > 0
    ring.append(packet(200.0, True))
    assert ring.recent()[0].stream_time == 200.0


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 3000), st.floats(0, 3)), max_size=200),
    st.floats(0.1, 10),
    st.integers(1_000, 20_000),
)
def test_it_is_always_decodable_bounded_and_honest_about_its_size(
    units: list[tuple[bool, int, float]], seconds: float, most: int
) -> None:
    ring = PacketRing(seconds, most)
    now = 0.0
    for is_keyframe, size, gap in units:
        now += gap
        ring.append(packet(now, is_keyframe, size))
        held = ring.recent(1e9)
        assert ring.size == sum(len(p.data) for p in held) <= most
        assert not held or held[0].is_keyframe
        assert ring.recent() == [] or ring.recent()[0].is_keyframe
        assert sum(p.is_keyframe for p in ring.recent()) <= 1
