"""One shard: some cameras, end to end.

Promises: owns its cameras' connections, the inference engines, trackers, flow, alerts, and the writing of it; frames
never leave the process. One camera's failure is its own. `stop` ends every thread. Not here: starting and restarting
shards (`supervisor.py`), the judgement of one camera (`camera_watch.py`).
"""

import logging
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.evidence import EvidenceStore, encode_jpeg
from alerts.feedback import FeedbackStore
from configs.footfall import footfall
from configs.phones import carried_by
from configs.site import MonitoringPoint, Place, Site
from configs.words import CameraId, Instant, StreamRole, is_phone
from detectors.catalogue import Task
from detectors.looker import Looker
from detectors.pace import default_pace
from detectors.words import Detections
from flow.stays import stays_of
from ingest.words import Frame, Packet, StreamHealth
from live.phone_line import PhoneLine
from live.publisher import Publisher
from live.wire import Reply, Request, StateMessage
from models.session import Database
from runtime.asks import tasks_at
from runtime.camera_watch import CameraWatch, Seen
from runtime.crowd_desk import CrowdDesk
from runtime.engines import Engines
from runtime.fire_desk import FireDesk
from runtime.phones import Carried, Phones, named_after
from runtime.post import Post, open_camera, wish_for
from runtime.recording import Archive
from runtime.resting import REST_SECONDS, Resting
from runtime.rolling import RollupKeeper
from runtime.scribe import Scribe
from runtime.wire_words import attention_of, overlay_of, state_of

log = logging.getLogger(__name__)

_PICTURE_SECONDS = 2.0
#: Frames a second while smoke or fire is suspected: how it behaves shows between looks.
_FULL_RATE = 15.0
#: Minutes under way and the day's sums are written this often: that much is lost at most when the process is killed.
_SUMS_SECONDS = 10.0


def let_threads_take_turns() -> None:
    """For a process that runs a shard: hand the interpreter over after half a millisecond instead of five.

    A look needs the interpreter a dozen times, each time behind some of forty threads; measured on two cores with 37
    busy streams, this doubles the looks a second and cuts the age of a frame when its boxes exist from 1.1 s to 0.2 s.
    """
    sys.setswitchinterval(0.0005)


class Shard:
    """Runs the cameras it was given until stopped."""

    def __init__(
        self, site: Site, points: list[MonitoringPoint], engines: Engines, database: Database, evidence: EvidenceStore,
        endpoint: str, recordings: Path, feedback: Path,
    ) -> None:  # fmt: skip
        self._site = site
        self._publisher = Publisher(
            endpoint, on_subscribe=self._subscribed, on_unsubscribe=self._unsubscribed, on_request=self._answer
        )
        self._scribe = Scribe(database, evidence, self._publisher.publish_event)
        self._archive = Archive(recordings, database, evidence, site.site, self._publisher.publish_event)
        self._rollups = RollupKeeper(database, site.site.zone_info, footfall().keep)
        self._engines = engines
        self._looker = Looker(engines.by_task, self._looked)
        self._posts: dict[CameraId, Post] = {}
        phones = [point.camera_id for point in points if is_phone(point.id)]
        self._phones = Phones(phones, self._phone_begins, self._phone_moved, self._phone_ends)
        self._phone_line = PhoneLine(endpoint, self._phones.hear, self._phones.tick) if phones else None
        for point in points:
            self._posts[point.camera_id] = self._post(point)
        # What was harmless where a phone was once tells nothing of where it is now: phones learn no look-alikes.
        watches = {camera_id: post.watch for camera_id, post in self._posts.items() if not is_phone(camera_id)}
        self._desk = FireDesk(engines.by_task.get(Task.SMOKE_FIRE), database, FeedbackStore(feedback), watches)
        self._crowd_desk = CrowdDesk(engines.by_task.get(Task.PEOPLE_VEHICLES))
        self._sums_taken_at = time.time()
        self._stopped = threading.Event()

    def _post(self, point: MonitoringPoint) -> Post:
        tasks = self._tasks_now(point)
        camera = open_camera(point, self._site.site, self._phones, self._packet, self._offer, self._publish_health)
        camera.set_wish(wish_for(self._engines, tasks, point.looks_per_second))
        self._looker.add(point.camera_id, {t: default_pace(t, point.looks_per_second) for t in tasks})
        self._archive.add(point, camera)
        place = None if is_phone(point.id) else point.place
        return Post(point, place, camera, CameraWatch(point, self._site.site), Resting(time.monotonic()), tasks)

    def start(self) -> None:
        """Starts everything and returns at once; cameras come up by themselves."""
        self._publisher.start()
        self._scribe.start()
        self._archive.start()
        self._rollups.start()
        self._desk.start()
        self._crowd_desk.start()
        self._looker.start()
        for camera_id, post in self._posts.items():
            if post.point.enabled and not is_phone(camera_id):
                post.camera.start()
        if self._phone_line is not None:
            self._phone_line.start()

    def stop(self) -> None:
        """Ends every thread; what was seen is written first."""
        self._stopped.set()
        if self._phone_line is not None:
            self._phone_line.stop(2.0)
        enders = [
            threading.Thread(target=post.camera.stop, args=(5.0,), name=f"end-{camera_id}")
            for camera_id, post in self._posts.items()
        ]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join(6.0)
        self._looker.stop()
        self._desk.stop(5.0)
        self._crowd_desk.stop(5.0)
        self._flush_minutes(at_end=True)
        self._scribe.stop(10.0)
        self._archive.stop(5.0)
        self._rollups.stop(5.0)
        self._publisher.stop()

    def run(self, stop: threading.Event) -> None:
        """Reports once a second until `stop` is set."""
        last = time.monotonic()
        while not stop.wait(1.0):
            now = time.monotonic()
            self._report(now - last)
            self._flush_minutes()
            last = now

    def looks(self) -> dict[Task, int]:
        """Looks taken since the start, by task."""
        counters = [self._looker.camera_counters(camera_id) for camera_id in self._posts]
        return {task: sum(c.looks.get(task, 0) for c in counters) for task in self._engines.by_task}

    def longest_gap(self, camera_id: CameraId, task: Task) -> float:
        """The longest time between two looks of a task at a camera, in seconds."""
        return self._looker.camera_counters(camera_id).longest_gap.get(task, 0.0)

    # What a look leads to. Called from the looker's workers, in order for each camera.

    def _looked(self, camera_id: CameraId, task: Task, frame: Frame, detections: Detections) -> None:
        post = self._posts[camera_id]
        post.looks += 1
        if task is Task.SMOKE_FIRE:
            seen = post.watch.see_smoke_fire(detections, frame.captured_at, frame.stream_time)
            self._desk.look(post.camera, post.watch, post.watch.second_looks(frame.captured_at))
        else:
            seen = post.watch.see_objects(detections, frame.captured_at, frame.stream_time)
            if post.watch.closer_count_due():
                self._crowd_desk.look(post.camera, post.watch)
            self._looker.tracking(camera_id, post.watch.moving_tracks)
        self._confirm(post, task)
        self._publisher.publish_overlay(overlay_of(post.watch, frame))
        self._raise(post, seen, frame)

    def _packet(self, packet: Packet) -> None:
        self._publisher.publish_packet(packet)
        self._archive.packet(packet)

    def _offer(self, frame: Frame) -> None:
        post = self._posts.get(frame.camera_id)
        if post is not None and post.watch.wants_pictures:
            post.watch.see_picture(frame.picture, frame.captured_at)
        motion = self._looker.offer(frame)
        if post is not None and post.resting.rests and motion.moving:
            self._rest(post, is_wanted=True)

    def _confirm(self, post: Post, task: Task) -> None:
        """While an alert is being confirmed, look more often and have the main stream ready for its picture."""
        confirming = post.watch.confirming(task)
        if confirming != (task in post.confirming):
            self._looker.confirming(post.point.camera_id, task, confirming)
            (post.confirming.add if confirming else post.confirming.discard)(task)
            self._rest(post, is_wanted=confirming)
            if post.confirming:
                post.camera.hold_main("confirming")
            else:
                post.camera.release_main("confirming")

    def _tasks_now(self, point: MonitoringPoint) -> set[Task]:
        return tasks_at(point, datetime.now(self._site.site.zone_info)) & set(self._engines.by_task)

    def _follow_hours(self, post: Post) -> None:
        """Ask for what the camera's hours ask for now."""
        tasks = self._tasks_now(post.point)
        if tasks != post.tasks:
            post.tasks = tasks
            rate = post.point.looks_per_second
            self._looker.add(post.point.camera_id, {task: default_pace(task, rate) for task in tasks})
            self._rest(post, is_wanted=True)

    def _rest(self, post: Post, is_wanted: bool) -> None:
        """Wish what pictures the camera deserves now: all while something goes on, key frames while nothing does."""
        with post.lock:
            rests = post.resting.update(time.monotonic(), is_wanted)
            rate = post.point.looks_per_second
            if Task.SMOKE_FIRE in post.confirming:
                rate = max(rate, _FULL_RATE)
            wish = wish_for(self._engines, post.tasks, rate, REST_SECONDS if rests else 0.0)
            if wish != post.wish:
                post.wish = wish
                post.camera.set_wish(wish)

    def _raise(self, post: Post, seen: Seen, frame: Frame) -> None:
        for draft in seen.drafts:
            if is_phone(post.point.id):
                draft = named_after(draft, post.point)
            alert_id = self._scribe.alert(draft, post.place, lambda: self._evidence_picture(post, frame))
            self._archive.alert(alert_id, draft)
            self._desk.keep(alert_id, draft, frame.picture)

    @staticmethod
    def _evidence_picture(post: Post, frame: Frame) -> NDArray[np.uint8] | None:
        """The best picture to be had of this moment: main stream, sub stream, else what the model saw."""
        for role in (StreamRole.MAIN, StreamRole.SUB):
            newest = post.camera.newest_frame(role, _PICTURE_SECONDS)
            if newest is not None:
                return newest.picture
        return frame.picture

    def _flush_minutes(self, at_end: bool = False) -> None:
        now = Instant(time.time())
        for post in self._posts.values():
            self._scribe.minutes(post.watch.due_minutes(now, at_end))
            self._scribe.stays(stays_of(post.watch.due_visits(), self._site.site.zone_info))
        if at_end or now - self._sums_taken_at >= _SUMS_SECONDS:
            self._sums_taken_at = now
            for post in self._posts.values():
                self._scribe.minutes(post.watch.due_minutes(now, at_end=True))
                self._scribe.day_sums(post.watch.due_sums(self._site.site.zone_info))

    # Phones that are cameras. Called from the phone line's thread.

    def _phone_begins(self, camera_id: CameraId, carried: Carried) -> None:
        """Somebody else, somewhere else: nothing that was learned of the point before holds."""
        post = self._posts[camera_id]
        before, post.point = post.watch, carried_by(post.point, carried.person)
        post.watch = CameraWatch(post.point, self._site.site)
        self._scribe.minutes(before.due_minutes(Instant(time.time()), at_end=True))
        for task in list(post.confirming):
            self._confirm(post, task)
        self._phone_moved(camera_id, carried)
        post.camera.start()
        log.info("%s is a camera now", camera_id)

    def _phone_moved(self, camera_id: CameraId, carried: Carried) -> None:
        self._posts[camera_id].place = Place(x=carried.spot[0], y=carried.spot[1]) if carried.spot else None

    def _phone_ends(self, camera_id: CameraId) -> None:
        self._posts[camera_id].camera.rest()
        log.info("%s is no camera any more", camera_id)

    # What the console asks. Called from the publisher's thread.

    def _subscribed(self, camera_id: CameraId, role: StreamRole) -> None:
        post = self._posts.get(camera_id)
        if post is None:
            return
        self._looker.watched(camera_id, True)
        if role is StreamRole.MAIN:
            post.camera.hold_main("viewer")
        post.camera.set_prompt(StreamRole.SUB, True)
        for packet in post.camera.recent(role):
            self._publisher.publish_replay(packet)

    def _unsubscribed(self, camera_id: CameraId, role: StreamRole) -> None:
        post = self._posts.get(camera_id)
        if post is None:
            return
        if role is StreamRole.MAIN:
            post.camera.release_main("viewer")
        is_watched = any(self._publisher.wants(camera_id, r) for r in StreamRole)
        post.camera.set_prompt(StreamRole.SUB, is_watched)
        self._looker.watched(camera_id, is_watched)

    def _answer(self, request: Request) -> Reply:
        if request.verb == "models":
            return Reply(body=msgspec.json.encode(self._engines.describe()))
        if request.verb == "states":
            return Reply(
                body=msgspec.json.encode([s for post in self._posts.values() for s in self._states(post, 0.0)])
            )
        if request.verb == "snapshot":
            post = self._posts.get(request.camera_id) if request.camera_id else None
            if post is None:
                return Reply(error="this shard has no such camera")
            frame = post.camera.newest_frame(StreamRole.SUB, _PICTURE_SECONDS)
            if frame is None:
                return Reply(error=post.camera.health(StreamRole.SUB).reason)
            return Reply(body=encode_jpeg(frame.picture))
        return Reply(error=f"no verb {request.verb!r}")

    def _publish_health(self, health: StreamHealth) -> None:
        post = self._posts.get(health.camera_id)
        if post is not None:
            self._publisher.publish_state(self._state(post, health, 0.0))

    def _report(self, seconds: float) -> None:
        for post in self._posts.values():
            rate = (post.looks - post.looks_at_last_report) / seconds
            post.looks_at_last_report = post.looks
            moving = self._looker.motion(post.point.camera_id).moving
            self._archive.tick(post.point.camera_id, moving)
            self._follow_hours(post)
            goes_on = moving or post.watch.moving_tracks > 0 or bool(post.confirming)
            if goes_on or not post.resting.rests:
                self._rest(post, goes_on)
            for state in self._states(post, rate):
                self._publisher.publish_state(state)

    def _states(self, post: Post, looks_per_second: float) -> list[StateMessage]:
        roles = [StreamRole.SUB] + ([StreamRole.MAIN] if post.point.streams.main else [])
        return [self._state(post, post.camera.health(role), looks_per_second) for role in roles]

    def _state(self, post: Post, health: StreamHealth, looks_per_second: float) -> StateMessage:
        camera_id, is_sub = post.point.camera_id, health.role is StreamRole.SUB
        return state_of(
            health,
            looks_per_second,
            self._looker.motion(camera_id).moving,
            post.camera.failures(health.role),
            self._archive.health(camera_id) if is_sub else None,
            attention_of(self._looker.camera_counters(camera_id), post.resting.rests) if is_sub else None,
        )
