"""The failure matrix, the disk: what happens to it while recording hurts no stream, and no neighbour."""

import errno
import os
import threading
from pathlib import Path

import pytest

from configs.words import CameraId, StreamRole
from ingest import recorder as recorder_module
from ingest import segment as segment_module
from ingest.recorder import Recorder, RecordingState
from ingest.segment import FinishedSegment, release, seal
from ingest.words import StreamState
from runtime.demo.thread import ThreadedServer
from tests.ingest.test_recorder import shown_times
from tests.ingest.trouble import gate_and_neighbour, tries

GATE, SUB = CameraId("gate"), StreamRole.SUB


def test_a_disk_that_is_full_while_recording(
    broken: ThreadedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The camera stays online and is recorded again as soon as there is room; what was whole stays so."""
    monkeypatch.setattr(recorder_module, "_RETRY_SECONDS", 0.5)
    full, real = threading.Event(), os.write

    def write(handle: int, data: memoryview) -> int:
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data)

    monkeypatch.setattr(segment_module.os, "write", write)
    segments: list[FinishedSegment] = []
    room_needed = threading.Event()
    recorder = Recorder(tmp_path, segments.append, room_needed.set)
    with gate_and_neighbour(broken) as gate:
        recorder.add(GATE, gate.camera.recent)
        gate.also = recorder.packet
        recorder.start()
        recorder.want(GATE, SUB, float("inf"), 0.0, "continuous")
        gate.until(lambda: recorder.health(GATE).bytes_written > 0)
        full.set()
        gate.until(lambda: recorder.health(GATE).state is RecordingState.DISK_FULL)
        assert room_needed.is_set(), "somebody is asked to make room"
        given = len(gate.frames)
        gate.until(lambda: len(gate.frames) > given + 20)
        assert (gate.camera.health(SUB).state, tries(gate)) == (StreamState.ONLINE, 0)
        full.clear()
        written = recorder.health(GATE).bytes_written
        gate.until(lambda: recorder.health(GATE).state is RecordingState.RECORDING)
        gate.until(lambda: recorder.health(GATE).bytes_written > written)
        assert recorder.health(GATE).packets_dropped > 0, "what was lost is counted"
    recorder.stop(10)
    for segment in segments:
        assert len(shown_times(seal(tmp_path, segment))) >= 10
        release(segment)
    assert len(segments) >= 2
