"""A camera in trouble beside one that is well: what every row of the failure matrix asserts."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from configs.words import StreamRole
from ingest.state import Patience
from ingest.words import FrameWish, StreamState
from runtime.demo.thread import ThreadedServer
from tests.support.watching import HURRY, Watch

EVERY = FrameWish(160, 160, 30.0)
#: Of the neighbour's clip.
FRAMES_PER_SECOND = 20.0


@contextmanager
def neighbour_of(server: ThreadedServer) -> Iterator[Watch]:
    """A camera that is well, whose frames must come evenly all the while."""
    with Watch(server.url("neighbour"), camera_id="neighbour", wish=EVERY) as neighbour:
        neighbour.until_state(StreamState.ONLINE)
        yield neighbour
        came = len(neighbour.frames)
        neighbour.until(lambda: len(neighbour.frames) > came + 5)
        health = neighbour.camera.health(StreamRole.SUB)
        assert (health.state, health.reconnects) == (StreamState.ONLINE, 0)
        times = [frame.stream_time for frame in neighbour.frames]
        steps = [b - a for a, b in pairwise(times)]
        assert max(steps) < 0.15, "the neighbour lost frames"
        rate = (len(times) - 1) / (times[-1] - times[0])
        assert abs(rate - FRAMES_PER_SECOND) < 1.0, f"the neighbour's frame rate moved to {rate:.1f}"


@contextmanager
def gate_and_neighbour(
    server: ThreadedServer,
    wish: FrameWish = EVERY,
    transport: str = "tcp",
    url: str | None = None,
    patience: Patience = HURRY,
) -> Iterator[Watch]:
    """A camera at `gate` (or at `url`), and one at `neighbour` whose frames must come evenly all the while."""
    with (
        neighbour_of(server),
        Watch(url or server.url("gate"), transport=transport, wish=wish, patience=patience) as gate,
    ):
        yield gate


def tries(gate: Watch) -> int:
    """How often its connection failed."""
    return gate.camera.health(StreamRole.SUB).reconnects


@contextmanager
def back_soon(gate: Watch, lost: int = 1) -> Iterator[None]:
    """What is done inside makes it well; it must come online, with new pictures if they are wished, after at most
    `lost` more failures: the try that was under way. How long it waits between tries is `test_state.py`'s."""
    heard, failed, given = len(gate.states), tries(gate), len(gate.frames)
    yield
    gate.until_state(StreamState.ONLINE, after=heard)
    assert tries(gate) - failed <= lost, "it was not back with the first try that could succeed"
    if gate.frames:
        gate.until(lambda: len(gate.frames) > given + 3)
