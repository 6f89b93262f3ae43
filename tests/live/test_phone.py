"""A phone's broadcast: what a real aiortc sender sends comes out as it was encoded, or not at all."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import aiortc.codecs.h264
import aiortc.rtcrtpreceiver
import av
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription, VideoStreamTrack
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket

from configs.words import CameraId
from live.access_units import AccessUnits, Allowance, Figures, _PatientBuffer
from live.codecs import OfferRefused
from live.phone import MOST_BITS, Phone, limited
from live.phones import Person, PhoneDesk, SessionNotFound, TakenOver, TooManyPhones
from live.wire import PhoneUnit
from tests.live.pictures import picture

PHONE = CameraId("phone-1")


class Scene(VideoStreamTrack):
    """A moving bar, 30 pictures a second, turned once like a phone when `size` is changed."""

    size = (320, 192)

    def __init__(self) -> None:
        super().__init__()
        self._number = 0

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = picture(self._number, self.size)
        self._number += 1
        frame.pts, frame.time_base = pts, time_base
        return frame


class Sender:
    """A browser that films, as far as the wire can tell."""

    def __init__(self, codec: str = "video/H264", audio: bool = False) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.scene = Scene()
        self.peer.addTrack(self.scene)
        (video,) = self.peer.getTransceivers()
        video.direction = "sendonly"
        known = RTCRtpSender.getCapabilities("video").codecs
        video.setCodecPreferences([c for c in known if c.mimeType in (codec, "video/rtx")])
        if audio:
            self.peer.addTransceiver("audio", direction="sendonly")

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return str(self.peer.localDescription.sdp)

    async def vanish(self) -> None:
        """Goes without a word, like a phone whose network broke."""
        ice = self.peer.getTransceivers()[0].sender.transport.transport._connection
        for protocol in list(ice._protocols):
            protocol.transport.abort()

    async def take(self, answer: str) -> None:
        await self.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))


async def until(happened: Callable[[], object], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not happened():  # noqa: ASYNC110 - what is waited for comes over sockets
            await asyncio.sleep(0.02)


@contextmanager
def no_decoder() -> Iterator[list[object]]:
    """What would be made if anything were decoded."""
    made: list[object] = []
    real = aiortc.rtcrtpreceiver.get_decoder
    aiortc.rtcrtpreceiver.get_decoder = lambda codec: made.append(codec) or real(codec)  # type: ignore[func-returns-value]
    try:
        yield made
    finally:
        aiortc.rtcrtpreceiver.get_decoder = real


Given = list[tuple[bytes, bool, float]]


async def broadcast(
    scenario: Callable[[Phone, Sender, Given], Awaitable[None]], codec: str = "video/H264", audio: bool = False
) -> None:
    given: Given = []

    def give(data: bytes, is_keyframe: bool, seconds: float) -> bool:
        given.append((data, is_keyframe, seconds))
        return True

    sender, phone = Sender(codec, audio), Phone(PHONE, RTCConfiguration(iceServers=[]), give, lambda: None)
    try:
        await sender.take(await phone.answer(await sender.offer()))
        await scenario(phone, sender, given)
    finally:
        await phone.close()
        await sender.peer.close()


def pictures(given: Given) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    return [frame for data, _, _ in given for frame in decoder.decode(av.Packet(data))]


def test_h264_comes_out_whole_and_nothing_is_decoded() -> None:
    async def scenario(phone: Phone, sender: Sender, given: Given) -> None:
        await until(lambda: len(given) > 30)
        figures = phone.figures()
        assert (figures.codec, figures.is_transcoded, figures.state) == ("H264", False, "connected")

        sender.scene.size = (192, 320)  # the phone is turned
        count = len(given)
        await until(lambda: len(given) > count + 15)
        shown = pictures(given)
        assert given[0][1], "it begins with a key frame"
        assert len(shown) >= len(given) - 1
        assert {(p.width, p.height) for p in shown} == {(320, 192), (192, 320)}
        times = [seconds for _, _, seconds in given]
        assert times == sorted(times) and times[0] == 0.0

    with no_decoder() as made:
        asyncio.run(broadcast(scenario))
    assert made == []
    assert not [t.name for t in threading.enumerate() if t.name.startswith(("video-decoder", "transcode"))]


def test_vp8_is_transcoded_once_and_audio_is_refused() -> None:
    async def scenario(phone: Phone, sender: Sender, given: Given) -> None:
        audio = next(t for t in phone.peer.getTransceivers() if t.kind == "audio")
        assert audio.currentDirection == "inactive"
        await until(lambda: len(given) > 10, 25.0)
        assert phone.figures().is_transcoded
        shown = pictures(given)
        assert shown and (shown[0].width, shown[0].height) == (320, 192)

    asyncio.run(broadcast(scenario, "video/VP8", audio=True))
    assert not [t.name for t in threading.enumerate() if t.name.startswith("transcode")]


def test_a_key_frame_comes_every_two_seconds_because_it_is_asked_for() -> None:
    """aiortc's encoder makes one in some minutes by itself."""

    async def scenario(phone: Phone, sender: Sender, given: Given) -> None:
        await until(lambda: sum(is_keyframe for _, is_keyframe, _ in given) >= 3, 20.0)
        at = [seconds for _, is_keyframe, seconds in given if is_keyframe]
        assert all(later - earlier < 4.0 for earlier, later in pairwise(at)), at

    asyncio.run(broadcast(scenario))


def test_after_a_loss_nothing_is_given_on_before_the_next_key_frame() -> None:
    async def scenario(phone: Phone, sender: Sender, given: Given) -> None:
        await until(lambda: len(given) > 10)
        (video,) = sender.peer.getTransceivers()
        history = video.sender._RTCRtpSender__rtp_history  # type: ignore[attr-defined]
        transport, dropped = video.sender.transport, 0
        really_send = transport._send_rtp

        async def lossy(data: bytes) -> None:
            nonlocal dropped
            if dropped < 3 and data[0] >> 6 == 2 and not 192 <= data[1] <= 223:
                dropped += 1
                history.clear()  # nor can it be sent again
                return
            await really_send(data)

        transport._send_rtp = lossy
        before = len(given)
        await until(lambda: phone.figures().losses >= 1)
        await until(lambda: len(given) > before + 10 and any(k for _, k, _ in given[before:]))
        assert len(pictures(given)) >= len(given) - 2
        times = [seconds for _, _, seconds in given]
        gap = max(range(1, len(times)), key=lambda n: times[n] - times[n - 1])
        assert given[gap][1], "what follows the gap is a key frame"

    asyncio.run(broadcast(scenario))


def test_a_packet_that_does_not_come_again_is_given_up_for_but_one_that_is_late_is_waited_for() -> None:
    now, lost = [0.0], []

    def packet(number: int, timestamp: int) -> RtpPacket:
        made = RtpPacket(sequence_number=number, timestamp=timestamp, payload=b"x", ssrc=7)
        made._data = bytes([number])  # type: ignore[attr-defined]
        return made

    buffer = _PatientBuffer(Figures(), lambda: lost.append(now[0]), lambda: now[0])
    frames = []

    def add(number: int, timestamp: int, at: float) -> bool:
        now[0] = at
        is_lost, frame = buffer.add(packet(number, timestamp))
        if frame is not None:
            frames.append(frame.data)
        return is_lost

    for number in (0, 1):
        add(number, number, 0.03 * number)
    add(3, 3, 0.1)
    add(2, 2, 0.2)  # late, and in time
    assert not lost and frames[0] == b"\x00"
    add(4, 4, 0.25)
    add(6, 6, 0.3)
    assert not lost
    assert add(7, 7, 0.8), "a key frame is to be asked for"
    assert lost == [0.8]
    add(8, 8, 0.9)
    assert frames[-1] == b"\x07", "and it goes on with what came then"


def test_who_sends_far_more_than_told_is_not_taken_in_whole() -> None:
    now = [0.0]
    allowance = Allowance(800_000, lambda: now[0])  # 100 kB a second; twice that is taken, two seconds at once
    assert [allowance.take(200_000) for _ in range(3)] == [True, True, False]
    now[0] = 1.0
    assert [allowance.take(150_000) for _ in range(2)] == [True, False]
    now[0] = 1000.0
    assert allowance.take(400_000) and not allowance.take(1)


def test_another_aiortc_would_be_refused_in_a_sentence() -> None:
    """Three private parts of its receiver are exchanged; whoever takes another version must look at them again."""
    assert aiortc.__version__ == "1.16.0"
    assert issubclass(_PatientBuffer, JitterBuffer)
    with pytest.raises(RuntimeError, match="this version of aiortc has no decoder_queue"):
        AccessUnits(object(), lambda *_: None, lambda: None, lambda: None, MOST_BITS)  # type: ignore[arg-type]


def test_the_answer_says_what_may_be_sent_at_most() -> None:
    sdp = (
        "v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 9 X 0\r\nc=IN IP4 0.0.0.0\r\nm=video 9 X 96\r\nc=IN IP4 0.0.0.0\r\na=x\r\n"
    )
    assert limited(sdp, 2_000_000).split("\r\n")[5:8] == ["c=IN IP4 0.0.0.0", "b=AS:2000", "a=x"]
    assert limited(sdp, 2_000_000).count("b=AS") == 1


def test_an_offer_that_sends_no_video_is_refused() -> None:
    async def main() -> None:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.addTransceiver("video", direction="recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        for offer in (peer.localDescription.sdp, "nonsense", ""):
            phone = Phone(PHONE, RTCConfiguration(iceServers=[]), lambda *_: True, lambda: None)
            with pytest.raises(OfferRefused):
                await phone.answer(offer)
            await phone.close()
        await peer.close()

    asyncio.run(main())


def test_places_are_bounded_one_a_person_and_the_silent_are_let_go() -> None:
    units: list[PhoneUnit] = []
    ended: list[str] = []

    async def main() -> None:
        desk = PhoneDesk([PHONE], lambda unit: units.append(unit) is None, silent_after_seconds=1.5)
        desk.on_end = lambda one: ended.append(one.person.name)
        desk.start()
        senders = [Sender() for _ in range(3)]
        wang, li = Person("1", "Wang", "login-1", "pocket"), Person("2", "Li")
        first = await desk.open(wang, await senders[0].offer())
        await senders[0].take(first.sdp)
        await until(desk.live)
        with pytest.raises(TooManyPhones):
            await desk.open(li, await senders[1].offer())

        again = await desk.open(replace(wang, phone="other pocket"), await senders[1].offer())
        assert again.camera_id == PHONE and again.session_id != first.session_id
        assert PHONE in desk.live(), "it never left the wall"
        with pytest.raises(TakenOver):
            desk.figures(first.session_id, wang.id)
        with pytest.raises(SessionNotFound):
            desk.figures(first.session_id, li.id)
        await senders[1].take(again.sdp)
        assert not ended and not any(unit.is_over for unit in units)
        await until(lambda: len({unit.broadcast for unit in units}) == 2)

        await senders[1].vanish()
        await until(lambda: ended == ["Wang"])
        assert units[-1].is_over and not desk.live()

        totals = desk.totals
        assert (totals.begun, totals.silent, totals.refused) == (1, 1, 1)
        third = await desk.open(wang, await senders[2].offer())
        assert desk.logins() == {"login-1"}
        await desk.end_login("login-1")
        assert not desk.logins() and third.camera_id == PHONE
        await desk.stop()
        for sender in senders:
            await sender.peer.close()

    asyncio.run(main())
