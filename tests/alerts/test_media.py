"""What strangers send: real photos come through clean, everything else is refused with a sentence."""

import io

import pytest
from PIL import Image

from alerts.photos import LONGEST_SIDE, SAME_BITS, UnusableMedia, bits_apart, clean_photo
from alerts.videos import clean_video
from tests.alerts.media import jpeg, mp4, png_bomb, scene


def test_a_photos_place_is_read_and_nothing_of_its_maker_is_kept() -> None:
    photo = clean_photo(jpeg(place=(28.9903, 118.7512)), 60)
    assert photo.latitude == pytest.approx(28.9903, abs=1e-5) and photo.longitude == pytest.approx(118.7512, abs=1e-5)
    assert b"Wang" in jpeg() and b"Wang" not in photo.jpeg and b"Exif" not in photo.jpeg
    assert not Image.open(io.BytesIO(photo.jpeg)).getexif()


def test_what_hides_behind_a_picture_is_dropped() -> None:
    assert b"<script>" not in clean_photo(jpeg() + b"<script>alert(1)</script>", 60).jpeg


def test_a_photo_is_turned_upright_and_made_smaller() -> None:
    photo = clean_photo(jpeg(orientation=6, size=(3200, 1600)), 60)
    assert photo.height > photo.width and photo.height <= LONGEST_SIDE


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_kinds_become_jpeg(kind: str) -> None:
    out = io.BytesIO()
    scene().convert("RGBA").save(out, kind)
    assert clean_photo(out.getvalue(), 60).jpeg.startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("why", "data", "word"),
    [
        ("a page", b"<html><script>alert(1)</script></html>", "JPEG"),
        ("nothing", b"", "JPEG"),
        ("a vector picture", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "JPEG"),
        ("a program", b"MZ" + bytes(200), "JPEG"),
        ("half a photo", jpeg()[:400], "damaged"),
        ("a bomb of pixels", png_bomb(), "megapixels"),
        ("a smaller bomb", png_bomb(9000), "megapixels"),
        ("an animation", b"GIF89a" + bytes(50), "JPEG"),
    ],
)
def test_what_is_no_photo_is_refused(why: str, data: bytes, word: str) -> None:
    with pytest.raises(UnusableMedia, match=word) as refused:
        clean_photo(data, 60)
    assert refused.value.zh, why


def test_the_same_picture_sent_again_is_known_and_another_is_not() -> None:
    one, again, other = (clean_photo(d, 60).phash for d in (jpeg(1), jpeg(1, quality=40, size=(400, 300)), jpeg(2)))
    assert bits_apart(one, again) <= SAME_BITS < bits_apart(one, other)


def test_a_video_is_stripped_where_it_stands() -> None:
    data = mp4()
    video = clean_video(data, 60)
    assert (video.latitude, video.longitude, video.seconds) == (28.9903, 118.7512, 5.0)
    assert len(video.data) == len(data) and b"118.7512" not in video.data and b"picture data" in video.data


@pytest.mark.parametrize(
    ("data", "word"),
    [(mp4(seconds=90), "longer"), (mp4()[:60], "damaged"), (b"RIFF" + bytes(40), "MP4")],
)
def test_a_video_that_is_none_or_too_long_is_refused(data: bytes, word: str) -> None:
    with pytest.raises(UnusableMedia, match=word):
        clean_video(data, 60)
