"""What a thousand joins and leaves leave behind in the service: memory, threads, open files, sessions.

Viewers come and go in small crowds; most say goodbye, one in four leaves without a word, and every fifth reads the film
over HTTP instead. Memory is compared between the end of the first tenth, when all is warmed up, and the end.
"""

import asyncio
import gc
import logging
import tempfile
import time
from typing import Any

import httpx

from benchmarks.live_servers import (
    PASSWORD,
    children,
    files_of,
    heard,
    logged_in,
    memory_mb,
    publish,
    serve,
    threads_of,
)
from benchmarks.live_viewers import Counter

CROWD = 10
_GONE_SECONDS = 30.0


async def _whep(client: httpx.AsyncClient, says_goodbye: bool) -> bool:
    """Whether there was a picture."""
    viewer = Counter()
    try:
        saw = await viewer.open(client) is not None
        if says_goodbye:
            await client.delete(viewer.location)
        return saw
    finally:
        await viewer.close()


async def _film(client: httpx.AsyncClient) -> bool:
    async with client.stream("GET", "/api/cameras/c0/live.mp4") as answer:
        assert answer.status_code == 200, await answer.aread()
        seen = 0
        async for chunk in answer.aiter_raw():
            seen += len(chunk)
            if seen > 20_000:
                return True
    return False


async def _open_now(client: httpx.AsyncClient) -> float:
    text = (await client.get("/metrics")).text
    return sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith(("vbrain_live_sessions ", "vbrain_live_films "))
    )


async def _all_gone(client: httpx.AsyncClient) -> float:
    """How many sessions and films are still open when nobody watches; waited for within reason."""
    deadline = time.monotonic() + _GONE_SECONDS
    while (left := await _open_now(client)) and time.monotonic() < deadline:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.2)
    return left


async def _churn(url: str, pid: int, joins: int) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=50)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        await client.post("/api/session", json={"username": "administrator", "password": PASSWORD})
        at: dict[str, dict[str, float]] = {}
        without_picture = 0
        for begin in range(0, joins, CROWD):
            crowd = range(begin, min(begin + CROWD, joins))
            saw = await asyncio.gather(*(_film(client) if n % 5 == 4 else _whep(client, n % 4 != 3) for n in crowd))
            without_picture += saw.count(False)
            gc.collect()
            done = crowd.stop
            if done in (max(CROWD, joins // 10 // CROWD * CROWD), joins):
                left = await _all_gone(client)
                at["warm" if done != joins else "end"] = {
                    "joins": done, "memory_mb": memory_mb(pid), "threads": threads_of(pid), "files": files_of(pid),
                    "open": left,
                }  # fmt: skip
        warm, end = at.get("warm", at["end"]), at["end"]
        return {
            "warm": warm, "end": end, "memory_ratio": end["memory_mb"] / warm["memory_mb"],
            "without_picture": without_picture,
        }  # fmt: skip


def measure(joins: int) -> dict[str, Any]:
    """Joins and leaves `joins` times; the service's figures after a tenth of them, and at the end."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="live-churn-") as work, children() as started:
        heard(started.start(publish, work, "640x360x10", "h264"))
        pid, url = heard(started.start(serve, "ours", work, "", 1))
        logged_in(url)
        begun = time.monotonic()
        result = asyncio.run(_churn(url, pid, joins))
        return result | {"seconds": time.monotonic() - begun}
