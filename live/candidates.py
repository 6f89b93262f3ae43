"""ICE candidates of a browser: those of its offer, and further ones in an SDP fragment (trickle ICE, RFC 8840).

Promises: a fragment that cannot be read is refused in a sentence, and so is a restart; names that browsers put in place
of their addresses (mDNS, `….local`) are asked for on the side, so that nobody waits for them: the browser's own checks
mostly come first, and tell where it is. Source: draft-ietf-mmusic-mdns-ice-candidates. Not here: the sessions
(`session.py`, `phone.py`).
"""

import asyncio
import contextlib

from aiortc import RTCIceCandidate, RTCPeerConnection
from aiortc.exceptions import InvalidStateError
from aiortc.sdp import SessionDescription, candidate_from_sdp

from live.codecs import OfferRefused

_CANDIDATE, _END, _MID = "a=candidate:", "a=end-of-candidates", "a=mid:"
#: More names than this nobody has; each is asked for over the network.
_MOST_NAMES = 8


class CannotRestart(Exception):
    """ICE cannot be restarted within a session."""


class Candidates:
    """The candidates of one connection. `without_names` and `ask_for_names` once, `close` at the end."""

    def __init__(self, peer: RTCPeerConnection) -> None:
        self._peer = peer
        self._named: list[RTCIceCandidate] = []
        self._asking: set[asyncio.Task[None]] = set()
        self._asked = 0

    def without_names(self, offer: str) -> str:
        """The offer without candidates that are names: aiortc would wait a second for each. What they are is kept. The
        offer then does not say that it has all candidates either, as none might be left."""
        kept, mid = [], None
        for line in offer.splitlines():
            if line.startswith(_MID):
                mid = line.removeprefix(_MID).strip()
            if line.startswith(_CANDIDATE) and _is_name(line):
                with contextlib.suppress(AssertionError, ValueError, IndexError):
                    self._named.append(_candidate(line, mid))
                continue
            kept.append(line)
        if len(kept) == len(offer.splitlines()):
            return offer
        return "".join(f"{line}\r\n" for line in kept if line.strip() != _END)

    def ask_for_names(self) -> None:
        """Looks for what was kept, on the side."""
        named, self._named = self._named, []
        for candidate in named:
            self._ask_for(candidate)

    async def take(self, fragment: str) -> None:
        """Takes the candidates of a fragment. Raises CannotRestart, OfferRefused."""
        remote = SessionDescription.parse(self._peer.remoteDescription.sdp)
        known = {media.ice.usernameFragment for media in remote.media if media.ice}
        mid: str | None = None
        for line in map(str.strip, fragment.splitlines()):
            name, _, value = line.partition(":")
            if name == "a=ice-ufrag" and value not in known:
                raise CannotRestart("start a new session instead of restarting this one")
            if name == "a=mid":
                mid = value
            elif line.startswith(_CANDIDATE):
                try:
                    candidate = _candidate(line, mid)
                except (AssertionError, ValueError, IndexError):
                    raise OfferRefused("a candidate in the fragment cannot be read") from None
                if _is_name(line):
                    self._ask_for(candidate)
                else:
                    await self._add(candidate)
            elif name == _END and not self._asked:
                await self._add(None)

    async def close(self) -> None:
        """Looks for nothing more."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    def _ask_for(self, candidate: RTCIceCandidate) -> None:
        self._asked += 1
        if self._asked <= _MOST_NAMES:
            task = asyncio.create_task(self._add(candidate), name="candidate-name")
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _add(self, candidate: RTCIceCandidate | None) -> None:
        with contextlib.suppress(ValueError, InvalidStateError, OSError):
            await self._peer.addIceCandidate(candidate)


def announced(answer: str, public_addresses: tuple[str, ...]) -> str:
    """The answer, which also says that each of our addresses is reached at these, at the same port: behind address
    translation that forwards ports as they are. Each stands for our addresses of its own kind, IPv4 or IPv6."""
    lines = []
    for line in answer.splitlines():
        lines.append(line)
        parts = line.split()
        if not line.startswith(_CANDIDATE) or parts[6:8] != ["typ", "host"]:
            continue
        for public in public_addresses:
            further = line.replace(f" {parts[4]} ", f" {public} ", 1).replace(_CANDIDATE, f"{_CANDIDATE}p", 1)
            if (":" in public) == (":" in parts[4]) and public != parts[4] and further not in lines:
                lines.append(further)
    return "".join(f"{line}\r\n" for line in lines)


def _candidate(line: str, mid: str | None) -> RTCIceCandidate:
    candidate = candidate_from_sdp(line.removeprefix(_CANDIDATE).strip())
    candidate.sdpMid, candidate.sdpMLineIndex = mid, 0 if mid is None else None
    return candidate


def _is_name(line: str) -> bool:
    parts = line.split()
    return len(parts) > 4 and parts[4].lower().endswith(".local")
