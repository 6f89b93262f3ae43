"""Names that browsers put in place of their addresses hold nobody up, and a flood of them asks for little."""

import asyncio

from aiortc import RTCIceCandidate

from live.candidates import Candidates, announced

_NAME = "a=candidate:1 1 udp 2113937151 cfce8841-d4d2-488e-90fa-abbbda513c6b.local 55406 typ host"
_ADDRESS = "a=candidate:2 1 udp 1677729535 198.51.100.7 55406 typ srflx raddr 0.0.0.0 rport 0"


class SlowPeer:
    """Never finds a name, and notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.remoteDescription = type("Description", (), {"sdp": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"})

    async def addIceCandidate(self, candidate: RTCIceCandidate | None) -> None:  # noqa: N802 - as aiortc names it
        self.asked.append(candidate.ip if candidate else None)
        if candidate and candidate.ip.endswith(".local"):
            await asyncio.Event().wait()


def offer(*lines: str) -> str:
    return "".join(f"{line}\r\n" for line in ("v=0", "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:0", *lines))


def test_an_answer_names_the_public_address_beside_our_own() -> None:
    ours = "a=candidate:1 1 udp 2130706431 10.0.0.5 40123 typ host"
    six = "a=candidate:2 1 udp 2130706431 fd00::5 40124 typ host"
    relay = "a=candidate:3 1 udp 16777215 198.51.100.1 50000 typ relay raddr 10.0.0.5 rport 40123"
    answer = offer(ours, six, relay, "a=end-of-candidates")
    said = announced(answer, ("203.0.113.9",)).splitlines()
    assert said[said.index(ours) + 1] == "a=candidate:p1 1 udp 2130706431 203.0.113.9 40123 typ host"
    assert len(said) == len(answer.splitlines()) + 1
    assert announced(answer, ("10.0.0.5", "fd00::5")) == answer


def test_an_offer_of_addresses_is_left_as_it_is() -> None:
    whole = offer(_ADDRESS, "a=end-of-candidates")
    assert Candidates(SlowPeer()).without_names(whole) == whole  # type: ignore[arg-type]


def test_names_are_looked_for_on_the_side_and_no_longer_than_the_connection_lasts() -> None:
    async def scenario() -> None:
        peer = SlowPeer()
        candidates = Candidates(peer)  # type: ignore[arg-type]
        assert candidates.without_names(offer(_NAME, _ADDRESS, "a=end-of-candidates")) == offer(_ADDRESS)
        candidates.ask_for_names()
        await asyncio.sleep(0)
        assert len(peer.asked) == 1
        fragment = "\r\n".join(["a=mid:0", *[_NAME] * 50, _ADDRESS, "a=end-of-candidates"])
        async with asyncio.timeout(1):
            await candidates.take(fragment)
            await asyncio.sleep(0)
        names = [host for host in peer.asked if host and host.endswith(".local")]
        assert len(names) == 8 and "198.51.100.7" in peer.asked
        assert None not in peer.asked, "with a name that is not found yet, these are not all"
        async with asyncio.timeout(1):
            await candidates.close()
        assert [task for task in asyncio.all_tasks() if task.get_name() == "candidate-name"] == []

    asyncio.run(scenario())
