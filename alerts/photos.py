"""A stranger's photo: what it really is, where it was taken, and a clean copy of it.

Promises: the type comes from the bytes, never from a name; the size is read before any pixel is, so a small file cannot
unpack into gigabytes; what is kept was drawn anew from the pixels, so neither EXIF nor anything hidden behind the
picture survives; look-alikes have perceptual hashes a few bits apart. Not here: storing (`evidence.py`), limits of how
many (`reports.py`).
"""

import io
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import filetype
import imagehash
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

#: What phones and browsers send.
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
#: Kept pictures are at most this long on their longer side, in pixels.
LONGEST_SIDE = 2560
#: Perceptual hashes that differ in at most this many of their 64 bits are of the same picture.
SAME_BITS = 6
_MOST_BYTES_OF_EXIF = 262_144


class UnusableMedia(Exception):
    """A photo or a video cannot be taken; the sentences say why and what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


@dataclass(frozen=True, slots=True)
class Photo:
    """A clean JPEG, and what its EXIF said before it was dropped: degrees north and east, when it was taken."""

    jpeg: bytes
    width: int
    height: int
    phash: str
    latitude: float | None = None
    longitude: float | None = None
    taken_at: datetime | None = None


def sniff(head: bytes) -> str | None:
    """The media type that the first bytes say; None when they say nothing known."""
    kind = filetype.guess(head[:8192])
    return str(kind.mime) if kind is not None else None


def clean_photo(data: bytes, most_megapixels: float) -> Photo:
    """The photo drawn anew, upright, and at most `LONGEST_SIDE` long. Raises UnusableMedia."""
    kind = sniff(data)
    if kind not in FORMATS:
        raise UnusableMedia(
            "只能上传 JPEG、PNG 或 WebP 照片，请换一张", "only JPEG, PNG and WebP photos are taken; choose another"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=[FORMATS[kind]]) as picture:
                width, height = picture.size
                if width * height > most_megapixels * 1e6:
                    raise _too_large(most_megapixels)
                latitude, longitude, taken_at = _exif(picture)
                if kind == "image/jpeg":
                    picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
                upright = ImageOps.exif_transpose(picture)
                upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
                plain = Image.new("RGB", upright.size, (255, 255, 255))
                rgba = upright.convert("RGBA")
                plain.paste(rgba, mask=rgba.getchannel("A"))
    except UnusableMedia:
        raise
    except Image.DecompressionBombError:
        raise _too_large(most_megapixels) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, MemoryError):
        raise UnusableMedia("照片已损坏，无法打开，请重新拍摄", "the photo is damaged; take it again") from None
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=88)
    return Photo(out.getvalue(), plain.width, plain.height, str(imagehash.phash(plain)), latitude, longitude, taken_at)


def _too_large(most_megapixels: float) -> UnusableMedia:
    return UnusableMedia(
        f"照片超过 {most_megapixels:.0f} 百万像素，请用较低分辨率拍摄",
        f"the photo has more than {most_megapixels:.0f} megapixels; take it at a lower resolution",
    )


def bits_apart(one: str, other: str) -> int:
    """How many of the 64 bits of two perceptual hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _exif(picture: Image.Image) -> tuple[float | None, float | None, datetime | None]:
    """What EXIF says of place and time; a stranger's EXIF may say anything, and nonsense is nothing."""
    try:
        if len(picture.info.get("exif", b"")) > _MOST_BYTES_OF_EXIF:
            return None, None, None
        exif = picture.getexif()
        gps: dict[int, Any] = dict(exif.get_ifd(ExifTags.IFD.GPSInfo))
        latitude = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), "S", 90)
        longitude = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), "W", 180)
        if latitude is None or longitude is None:
            latitude = longitude = None
        return latitude, longitude, _moment(exif)
    except Exception:  # a hostile file can make the parser fail in any way; its EXIF then counts for nothing
        return None, None, None


def _degrees(parts: Any, reference: Any, negative: str, most: float) -> float | None:
    if not isinstance(parts, tuple | list) or len(parts) != 3:
        return None
    value = float(parts[0]) + float(parts[1]) / 60 + float(parts[2]) / 3600
    if not 0 <= value <= most:
        return None
    return -value if str(reference).strip().upper() == negative else value


def _moment(exif: Image.Exif) -> datetime | None:
    details = exif.get_ifd(ExifTags.IFD.Exif)
    text, offset = details.get(ExifTags.Base.DateTimeOriginal), details.get(ExifTags.Base.OffsetTimeOriginal)
    if not isinstance(text, str) or not isinstance(offset, str):
        return None
    return datetime.strptime(f"{text} {offset}", "%Y:%m:%d %H:%M:%S %z").astimezone(UTC)
