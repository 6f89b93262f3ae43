"""The little of H.264 that must be understood to pass it through.

Promises: reads names and types of NAL units and the profile of a sequence parameter set; decodes no picture. Source:
ITU-T H.264, 7.3.1 and 7.3.2.1, and RFC 6184 for `profile-level-id`.
"""

from collections.abc import Iterator

_START = b"\x00\x00\x01"
SPS = 7
PPS = 8
IDR = 5


def nal_units(annex_b: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B access unit, without start codes."""
    start = annex_b.find(_START)
    while start >= 0:
        start += 3
        end = annex_b.find(_START, start)
        unit = annex_b[start:] if end < 0 else annex_b[start:end].rstrip(b"\x00")
        if unit:
            yield unit
        start = end


def nal_type(unit: bytes) -> int:
    """What the NAL unit holds."""
    return unit[0] & 0x1F


def profile_level_id(annex_b: bytes) -> str | None:
    """The `profile-level-id` (six hex digits) of the first sequence parameter set; None when there is none."""
    for unit in nal_units(annex_b):
        if nal_type(unit) == SPS and len(unit) >= 4:
            return unit[1:4].hex()
    return None


def parameter_set(annex_b: bytes) -> bytes | None:
    """The first sequence parameter set; None when there is none."""
    return next((unit for unit in nal_units(annex_b) if nal_type(unit) == SPS), None)
