"""Which H.264 a browser offers, and which of it suits a stream.

Promises: the best match is chosen before the offer is applied, because aiortc ignores preferences that come later and
then picks VP8 in silence. Profiles of cameras (Main, High) that aiortc does not know are made known to it here. Not
here: the session (`whep.py`).
"""

from dataclasses import dataclass

from aiortc import RTCRtpCodecCapability
from aiortc.codecs import CODECS
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpCodecParameters
from aiortc.sdp import H264Profile, SessionDescription, parse_h264_profile_level_id

_FURTHER_PROFILES = ("4d001f", "64001f", "640c1f")
_PARAMETERS: dict[str, int | str | None] = {"level-asymmetry-allowed": "1", "packetization-mode": "1"}

_P = H264Profile
#: For a stream's profile, the offered profiles to answer with, best first. Browsers decode what the bits say, whatever
#: was negotiated, so a lesser profile is still better than none.
_PREFERENCES: dict[H264Profile, tuple[H264Profile, ...]] = {
    _P.PROFILE_CONSTRAINED_BASELINE: (
        _P.PROFILE_CONSTRAINED_BASELINE, _P.PROFILE_BASELINE, _P.PROFILE_MAIN, _P.PROFILE_HIGH,
        _P.PROFILE_CONSTRAINED_HIGH,
    ),
    _P.PROFILE_BASELINE: (
        _P.PROFILE_BASELINE, _P.PROFILE_CONSTRAINED_BASELINE, _P.PROFILE_MAIN, _P.PROFILE_HIGH,
        _P.PROFILE_CONSTRAINED_HIGH,
    ),
    _P.PROFILE_MAIN: (
        _P.PROFILE_MAIN, _P.PROFILE_HIGH, _P.PROFILE_CONSTRAINED_HIGH, _P.PROFILE_BASELINE,
        _P.PROFILE_CONSTRAINED_BASELINE,
    ),
    _P.PROFILE_HIGH: (
        _P.PROFILE_HIGH, _P.PROFILE_CONSTRAINED_HIGH, _P.PROFILE_MAIN, _P.PROFILE_BASELINE,
        _P.PROFILE_CONSTRAINED_BASELINE,
    ),
}  # fmt: skip


class OfferRefused(Exception):
    """The offer cannot be answered; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to answer with."""

    profile_level_id: str

    def capabilities(self) -> list[RTCRtpCodecCapability]:
        """For aiortc's `setCodecPreferences`: this one, and retransmission."""
        parameters: dict[str, int | str | None] = {**_PARAMETERS, "profile-level-id": self.profile_level_id}
        return [
            RTCRtpCodecCapability(mimeType="video/H264", clockRate=90000, parameters=parameters),
            RTCRtpCodecCapability(mimeType="video/rtx", clockRate=90000),
        ]


def choose(offer: SessionDescription, stream_profile: str | None) -> Choice:
    """The H.264 of the offer that suits a stream of that `profile-level-id` best. Raises OfferRefused."""
    video = next((m for m in offer.media if m.kind == "video"), None)
    if video is None:
        raise OfferRefused("the offer has no video; add a video transceiver that receives")
    offered: set[H264Profile] = set()
    for codec in video.rtp.codecs:
        if codec.mimeType.lower() != "video/h264" or str(codec.parameters.get("packetization-mode", "0")) != "1":
            continue
        profile = _profile(str(codec.parameters.get("profile-level-id", "42e01f")))
        if profile is not None:
            offered.add(profile)
    wanted = _profile(stream_profile) if stream_profile else None
    for profile in _PREFERENCES.get(wanted or _P.PROFILE_HIGH, _PREFERENCES[_P.PROFILE_HIGH]):
        if profile in offered and (known := _known_id(profile)) is not None:
            return Choice(known)
    raise OfferRefused("the offer has no H.264 with packetization-mode 1, which is all that these feeds are")


def _profile(profile_level_id: str) -> H264Profile | None:
    try:
        return parse_h264_profile_level_id(profile_level_id)[0]
    except ValueError:
        return None


def _known_id(profile: H264Profile) -> str | None:
    for codec in CODECS["video"]:
        known = codec.parameters.get("profile-level-id")
        if codec.mimeType == "video/H264" and known is not None and _profile(str(known)) is profile:
            return str(known)
    return None


def _make_known() -> None:
    """Adds the further profiles to aiortc's list, each with its retransmission, once."""
    free = max(codec.payloadType or 0 for codec in CODECS["video"]) + 1
    for profile_level_id in _FURTHER_PROFILES:
        profile = _profile(profile_level_id)
        if profile is None or _known_id(profile) is not None:
            continue
        feedback = [RTCRtcpFeedback("nack"), RTCRtcpFeedback("nack", "pli"), RTCRtcpFeedback("goog-remb")]
        CODECS["video"] += [
            RTCRtpCodecParameters(
                "video/H264",
                90000,
                payloadType=free,
                rtcpFeedback=feedback,
                parameters={**_PARAMETERS, "profile-level-id": profile_level_id},
            ),
            RTCRtpCodecParameters("video/rtx", 90000, payloadType=free + 1, parameters={"apt": free}),
        ]
        free += 2


_make_known()
