"""Photos and videos as phones make them, for tests."""

import io
import struct

import numpy as np
from PIL import ExifTags, Image


def scene(seed: int = 1, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A picture with structure of its own: blurred noise."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def jpeg(
    seed: int = 1, place: tuple[float, float] | None = None, quality: int = 90, orientation: int = 1,
    size: tuple[int, int] = (640, 480),
) -> bytes:  # fmt: skip
    """A JPEG; with `place`, EXIF says it (degrees north, east), beside the owner's name."""
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Wang Xiaoming"
    exif[ExifTags.Base.Orientation] = orientation
    if place is not None:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "N", sexagesimal(place[0])
        gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", sexagesimal(place[1])
    out = io.BytesIO()
    scene(seed, size).save(out, "JPEG", quality=quality, exif=exif)
    return out.getvalue()


def sexagesimal(degrees: float) -> tuple[float, float, float]:
    whole = int(degrees)
    minutes = int((degrees - whole) * 60)
    return float(whole), float(minutes), round(((degrees - whole) * 60 - minutes) * 60, 4)


def png_bomb(side: int = 40_000) -> bytes:
    """A PNG of a few hundred bytes whose header promises gigabytes."""
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def mp4(seconds: float = 5.0, place: bytes = b"+28.9903+118.7512/") -> bytes:
    """The frame of an MP4: headers, a track, a place in its user data, some media data."""
    mvhd = box(b"mvhd", bytes(12) + struct.pack(">II", 1000, round(seconds * 1000)) + bytes(80))
    told = box(b"udta", box(b"\xa9xyz", struct.pack(">HH", len(place), 0x15C7) + place))
    moov = box(b"moov", mvhd + box(b"trak", box(b"tkhd", bytes(84))) + told)
    return box(b"ftyp", b"isom\0\0\2\0isomiso2mp41") + moov + box(b"mdat", b"picture data")
