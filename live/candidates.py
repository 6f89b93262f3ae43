"""Trickle ICE: further candidates of a browser, as an SDP fragment (RFC 8840).

Promises: a fragment that cannot be read is refused in a sentence, and so is a restart. Not here: the sessions
(`session.py`, `phone.py`).
"""

import contextlib

from aiortc import RTCPeerConnection
from aiortc.exceptions import InvalidStateError
from aiortc.sdp import SessionDescription, candidate_from_sdp

from live.codecs import OfferRefused


class CannotRestart(Exception):
    """ICE cannot be restarted within a session."""


async def take_candidates(peer: RTCPeerConnection, fragment: str) -> None:
    """Takes the candidates of a fragment. Raises CannotRestart, OfferRefused."""
    remote = SessionDescription.parse(peer.remoteDescription.sdp)
    known = {media.ice.usernameFragment for media in remote.media if media.ice}
    mid: str | None = None
    for line in fragment.splitlines():
        name, _, value = line.strip().partition(":")
        if name == "a=ice-ufrag" and value not in known:
            raise CannotRestart("start a new session instead of restarting this one")
        if name == "a=mid":
            mid = value
        elif name == "a=candidate":
            await _take_candidate(peer, value, mid)
        elif name == "a=end-of-candidates":
            await peer.addIceCandidate(None)


async def _take_candidate(peer: RTCPeerConnection, value: str, mid: str | None) -> None:
    try:
        candidate = candidate_from_sdp(value)
    except (AssertionError, ValueError, IndexError):
        raise OfferRefused("a candidate in the fragment cannot be read") from None
    candidate.sdpMid, candidate.sdpMLineIndex = mid, 0 if mid is None else None
    with contextlib.suppress(ValueError, InvalidStateError):
        await peer.addIceCandidate(candidate)
