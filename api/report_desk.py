"""Reports that are made in the background, and the last forecasts.

Promises: two are made at a time and a few wait, more are refused; what was made is kept for half an hour and only its
owner gets it; stopping ends all work at its next step. Not here: the reports (`flow/reports.py`), routes.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from api.schemas_flow import ReportFormat
from flow.report_pdf import NoPdf
from flow.report_words import FootfallForecast, Words
from flow.reports import BadRange, Progress
from models.base import new_id, utc_now
from models.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

AT_ONCE = 2
MOST_WAITING = 6
MOST_KEPT = 30
KEEP_SECONDS = 1800.0
FORECAST_SECONDS = 900.0

#: Makes the bytes of a report, saying how far it is.
Work = Callable[[Progress], bytes]

_WAITING = Words("排队中", "waiting")
_FAILED = Words("报告生成失败，已记录，请稍后再试", "The report could not be made; it has been logged, try again later")


class DeskFull(Exception):
    """Too many reports are waiting."""


class _Stopped(Exception):
    """The service is ending."""


@dataclass
class Job:
    """One report. `content` is there when the state is done."""

    owner: str
    format: ReportFormat
    name: str
    id: str = field(default_factory=new_id)
    state: str = "waiting"
    share: float = 0.0
    doing: Words = _WAITING
    problem: Words | None = None
    content: bytes | None = None
    made_at: datetime = field(default_factory=utc_now)
    touched: float = 0.0


class ReportDesk:
    """Safe to call from several threads. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._slots = threading.Semaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: set[threading.Thread] = set()
        self._forecasts: dict[str, tuple[float, FootfallForecast]] = {}
        self._forecasting = threading.Lock()

    def start(self, owner: str, file_format: ReportFormat, name: str, work: Work) -> Job:
        """Make a report in the background. Raises DeskFull."""
        job = Job(owner, file_format, name, touched=self._clock())
        with self._lock:
            self._forget()
            if len(self._threads) >= AT_ONCE + MOST_WAITING:
                raise DeskFull
            thread = threading.Thread(target=self._run, args=(job, work), name=f"report-{job.id[:8]}", daemon=True)
            self._jobs[job.id] = job
            self._threads.add(thread)
        thread.start()
        return job

    def find(self, job_id: str, owner: str) -> Job | None:
        """Somebody's own report, while it is kept."""
        with self._lock:
            self._forget()
            job = self._jobs.get(job_id)
        return job if job is not None and job.owner == owner else None

    def forecast(self, place: str, make: Callable[[], FootfallForecast]) -> FootfallForecast:
        """The last forecast of a place, made anew when it is a quarter of an hour old. Those who ask meanwhile wait."""
        with self._forecasting:
            now = self._clock()
            self._forecasts = {k: known for k, known in self._forecasts.items() if now - known[0] <= FORECAST_SECONDS}
            if place not in self._forecasts:
                self._forecasts[place] = (self._clock(), make())
            return self._forecasts[place][1]

    def stop(self, timeout: float = 5.0) -> None:
        """Ends all work; what is under way ends at its next step."""
        self._stopping.set()
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout)

    def _run(self, job: Job, work: Work) -> None:
        try:
            while not self._slots.acquire(timeout=0.5):
                if self._stopping.is_set():
                    return
            try:
                self._make(job, work)
            finally:
                self._slots.release()
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _make(self, job: Job, work: Work) -> None:
        def say(share: float, doing: Words) -> None:
            if self._stopping.is_set():
                raise _Stopped
            job.share, job.doing = max(job.share, round(share, 3)), doing

        job.state = "working"
        try:
            job.content = work(say)
        except _Stopped:
            job.state, job.problem = "failed", _FAILED
            return
        except (BadRange, NoPdf) as error:
            job.state, job.problem = "failed", Words(str(error), str(error))
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            log.error("a report could not be made: %s", type(error).__name__)
            job.state, job.problem = "failed", _FAILED
        except Exception:
            log.exception("a report could not be made")
            job.state, job.problem = "failed", _FAILED
        else:
            job.share, job.state = 1.0, "done"
        job.touched = self._clock()

    def _forget(self) -> None:
        """Let go of what is old, and of the oldest when there are too many; never of what is being made."""
        over = [j for j in self._jobs.values() if j.state in ("done", "failed")]
        oldest = sorted(over, key=lambda j: j.touched)
        surplus = max(0, len(self._jobs) - MOST_KEPT)
        for n, job in enumerate(oldest):
            if n < surplus or self._clock() - job.touched > KEEP_SECONDS:
                del self._jobs[job.id]
