"""Decoding by hardware, where somebody asks for it: `VBRAIN_HWACCEL=cuda` (NVDEC), `vaapi`, `qsv`, ….

Promises: whatever is missing (the name, the device, the driver, room for one more decoder), software decodes instead,
and that is said once for each reason. Not here: decoding (`decode.py`).
"""

import logging
import os
from typing import Any

import av
from av.codec.hwaccel import HWAccel, hwdevices_available

log = logging.getLogger(__name__)

VARIABLE = "VBRAIN_HWACCEL"
_said: set[str] = set()


def open_decoder(codec: str) -> Any:
    """A PyAV codec context that decodes: by hardware if that is asked for and works, else in software."""
    wanted = os.environ.get(VARIABLE, "").strip().lower()
    if wanted in ("", "none", "off"):
        return _software(codec)
    if wanted not in hwdevices_available():
        known = ", ".join(hwdevices_available()) or "none"
        _say(
            f"{VARIABLE}={wanted}: this build of FFmpeg does not know it (it knows: {known}); software decodes instead."
        )
        return _software(codec)
    try:
        context = av.CodecContext.create(codec, "r", hwaccel=HWAccel(wanted, allow_software_fallback=True))
        context.thread_count = 1
        context.open()
        return context
    except Exception as error:  # drivers fail in many ways
        _say(f"{VARIABLE}={wanted} cannot be used ({type(error).__name__}: {error}); software decodes instead.")
        return _software(codec)


def _software(codec: str) -> Any:
    context = av.CodecContext.create(codec, "r")
    # One thread each: many cameras share few cores, and frame threads would add a frame of delay for every thread.
    context.thread_count = 1
    return context


def _say(text: str) -> None:
    if text not in _said:
        _said.add(text)
        log.warning("%s", text)
