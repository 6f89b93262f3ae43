"""Whether a picture shows anything: black, covered, blurred, frozen, or turned away.

Promises: judged every three seconds on the small grey picture, for some tenth of a millisecond; said only after it held
for a while, and taken back soon after it is over; a dark or foggy view is judged against what this camera often shows.
Not here: what is in the picture; the words shown (`errors.SENTENCES`).

Method: black by brightness; covered by a small spread without an edge anywhere (an empty car park in haze has lines);
blur by the gradient's strength against the camera's own slow average; frozen by key frames that hardly differ (a live
sensor has noise, so its key frames differ by half a grey level and more; those of a source that stands still come out
equal); turned by the correlation of coarse gradients with their slow average, which adapts within minutes, so that a
camera that was moved for good is told of once.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

LOOK_SECONDS = 3.0
#: How long each fault must hold before it is said.
HOLD_SECONDS = {"black": 10.0, "covered": 10.0, "blurred": 30.0, "frozen": 20.0, "turned": 20.0}
#: A fault that was said is over after this long without it.
OVER_SECONDS = 3.0
LEARN_SECONDS = 60.0
ADAPT_SECONDS = 300.0
BLACK_LEVEL = 40
FLAT_SPREAD = 6.0
#: A gradient (Sobel) beyond what noise on a covered lens reaches, and how little of the picture may have it there.
EDGE_STRENGTH, EDGE_SHARE = 60.0, 0.003
BLUR_SHARE = 0.35
TURNED_CORRELATION = 0.3
STILL_DIFFERENCE = 0.05
_COARSE = (32, 18)


class ViewHealth:
    """Judges one camera's view. One that is carried about has no usual view: only black and covered are told."""

    def __init__(self, is_carried: bool = False) -> None:
        self._is_carried = is_carried
        self._looked_at = float("-inf")
        self._learned_seconds = 0.0
        self._usual_detail = 0.0
        self._usual_shape: NDArray[np.float32] | None = None
        self._last_keyframe: NDArray[np.uint8] | None = None
        self._is_still = False
        self._suspect: str | None = None
        self._suspect_since = 0.0
        self._fine_since: float | None = None
        self.fault: str | None = None

    def keyframe(self, luma: NDArray[np.uint8]) -> None:
        """Note the small grey picture of a key frame; call it for each one, before `look`."""
        last = self._last_keyframe
        self._is_still = (
            last is not None
            and last.shape == luma.shape
            and cv2.norm(last, luma, cv2.NORM_L1) < STILL_DIFFERENCE * luma.size
        )
        self._last_keyframe = luma

    def look(self, luma: NDArray[np.uint8], now: float) -> str | None:
        """Look at a small grey picture, uint8 (h, w), at a monotonic time; gives the fault that holds, or None."""
        elapsed = now - self._looked_at
        if elapsed < LOOK_SECONDS:
            return self.fault
        self._looked_at = now
        self._judge(self._see(luma, min(elapsed, 5 * LOOK_SECONDS)), now)
        return self.fault

    def _judge(self, seen: str | None, now: float) -> None:
        if seen != self._suspect:
            self._suspect, self._suspect_since = seen, now
        if seen is not None and now - self._suspect_since >= HOLD_SECONDS[seen]:
            self.fault = seen
        if seen == self.fault:
            self._fine_since = None
        elif self.fault is not None:
            self._fine_since = now if self._fine_since is None else self._fine_since
            if now - self._fine_since >= OVER_SECONDS:
                self.fault = self._fine_since = None

    def _see(self, luma: NDArray[np.uint8], elapsed: float) -> str | None:
        # OpenCV's reductions throughout: NumPy's take most of the time here on so small a picture.
        if cv2.countNonZero(cv2.compare(luma, BLACK_LEVEL, cv2.CMP_GE)) < 0.01 * luma.size:
            return "black"
        smooth = cv2.GaussianBlur(luma, (3, 3), 0)
        is_flat = float(cv2.meanStdDev(smooth)[1][0, 0]) < FLAT_SPREAD
        strength = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
        if is_flat and cv2.countNonZero(cv2.compare(strength, EDGE_STRENGTH, cv2.CMP_GT)) < EDGE_SHARE * luma.size:
            return "covered"
        if self._is_carried:
            return None
        if self._is_still:
            return "frozen"
        detail = cv2.mean(strength)[0]
        shape = np.asarray(cv2.resize(strength, _COARSE, interpolation=cv2.INTER_AREA), np.float32)
        is_learned = self._usual_shape is not None and self._learned_seconds >= LEARN_SECONDS
        fault = None
        if is_learned and self._usual_shape is not None:
            if detail < BLUR_SHARE * self._usual_detail:
                fault = "blurred"
            elif _correlation(shape, self._usual_shape) < TURNED_CORRELATION:
                fault = "turned"
        self._learn(detail, shape, elapsed)
        return fault

    def _learn(self, detail: float, shape: NDArray[np.float32], elapsed: float) -> None:
        if self._usual_shape is None or self._usual_shape.shape != shape.shape:
            self._usual_detail, self._usual_shape = detail, shape
            return
        self._learned_seconds += elapsed
        span = min(ADAPT_SECONDS, max(elapsed, self._learned_seconds))
        weight = min(1.0, elapsed / span)
        self._usual_detail += weight * (detail - self._usual_detail)
        self._usual_shape = self._usual_shape + np.float32(weight) * (shape - self._usual_shape)


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(cv2.matchTemplate(a, b, cv2.TM_CCOEFF_NORMED)[0, 0])
