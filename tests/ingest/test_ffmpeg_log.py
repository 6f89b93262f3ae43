"""FFmpeg's messages reach Python's logging without accounts, from many threads."""

import logging
import threading

import av.logging
import pytest

from ingest import ffmpeg_log


def test_accounts_are_struck_out(caplog: pytest.LogCaptureFixture) -> None:
    ffmpeg_log.to_python(av.logging.WARNING)
    try:
        with caplog.at_level(logging.WARNING):
            av.logging.log(av.logging.ERROR, "rtsp", "cannot open rtsp://admin:s3cret@10.0.0.8/x")
            av.logging.log(av.logging.ERROR, "rtsp", "Authorization: abcdef")
    finally:
        ffmpeg_log.quiet()
    assert "rtsp://***@10.0.0.8/x" in caplog.text
    assert "s3cret" not in caplog.text
    assert "abcdef" not in caplog.text


def test_many_threads_that_decode_rubbish_do_not_lock_up() -> None:
    ffmpeg_log.to_python(av.logging.WARNING)

    def rubbish() -> None:
        context = av.CodecContext.create("h264", "r")
        context.thread_count = 1
        for _ in range(50):
            try:
                context.decode(av.Packet(b"\x00\x00\x00\x01\x65" + b"\x88" * 200))
            except av.error.FFmpegError:
                continue

    try:
        threads = [threading.Thread(target=rubbish, daemon=True) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)
    finally:
        ffmpeg_log.quiet()
