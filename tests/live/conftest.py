"""Streams that are encoded once for all tests of the room."""

import pytest

from ingest.words import Packet
from tests.live.pictures import encode


@pytest.fixture(scope="session")
def packets() -> list[Packet]:
    """Forty packets, a key frame every ten."""
    return encode(frames=40, gop=10)
