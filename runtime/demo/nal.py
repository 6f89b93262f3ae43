"""H.264 and H.265 NAL units: splitting a byte stream into them and telling what each one is.

Promises: pure functions over bytes (Annex B of ITU-T H.264 and H.265). Not here: packing them into RTP (`rtp.py`),
reading them from a file (`clip.py`).
"""

import re

_START_CODE = re.compile(rb"\x00\x00\x01")

H264 = "h264"
HEVC = "hevc"

_H264_IDR, _H264_SPS, _H264_PPS = 5, 7, 8
_HEVC_VPS, _HEVC_SPS, _HEVC_PPS = 32, 33, 34


def split_annexb(data: bytes) -> list[bytes]:
    """The NAL units of an Annex B byte stream, without start codes and trailing zeros."""
    starts = [match.end() for match in _START_CODE.finditer(data)]
    ends = [start - 3 for start in starts[1:]] + [len(data)]
    units = (data[start:end].rstrip(b"\x00") for start, end in zip(starts, ends, strict=True))
    return [unit for unit in units if unit]


def nal_type(codec: str, nal: bytes) -> int:
    """The unit's type number, as the codec's own standard numbers them."""
    return nal[0] & 0x1F if codec == H264 else (nal[0] >> 1) & 0x3F


def is_picture(codec: str, nal: bytes) -> bool:
    """True for a coded slice."""
    kind = nal_type(codec, nal)
    return 1 <= kind <= _H264_IDR if codec == H264 else kind < _HEVC_VPS


def is_random_access(codec: str, nal: bytes) -> bool:
    """True for a slice of a picture at which decoding may start (IDR; for H.265 any IRAP)."""
    kind = nal_type(codec, nal)
    return kind == _H264_IDR if codec == H264 else 16 <= kind <= 23


def is_parameter_set(codec: str, nal: bytes) -> bool:
    """True for SPS and PPS, and VPS of H.265."""
    kind = nal_type(codec, nal)
    return kind in ((_H264_SPS, _H264_PPS) if codec == H264 else (_HEVC_VPS, _HEVC_SPS, _HEVC_PPS))
