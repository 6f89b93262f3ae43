"""Figures for Prometheus, read when they are asked for.

Promises: one sample a stream and not one more for each label somebody could think of; a silent shard shows as
`vbrain_stream_online 0`. Not here: who may read them (`routes/health.py`).
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.context import Context
from api.schemas_site import ShownState
from configs.words import StreamRole

_STREAM = ["camera", "stream"]


class ServiceCollector(Collector):
    """Turns the context into samples."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        yield from self._streams()
        yield from self._attention()
        yield from self._recordings()
        yield from self._feeds()
        yield from self._transcoders()
        yield from self._phones()
        yield from self._calls()

    def _streams(self) -> Iterator[Metric]:
        board = self._context.board
        online = GaugeMetricFamily("vbrain_stream_online", "1 while fresh pictures come", labels=_STREAM)
        rate = GaugeMetricFamily("vbrain_stream_frames_per_second", "Pictures received", labels=_STREAM)
        bits = GaugeMetricFamily("vbrain_stream_bits_per_second", "Bits received", labels=_STREAM)
        shed = CounterMetricFamily("vbrain_stream_frames_shed", "Decoded pictures nobody took", labels=_STREAM)
        again = CounterMetricFamily("vbrain_stream_reconnects", "Connections made anew", labels=_STREAM)
        gop = GaugeMetricFamily("vbrain_stream_gop_seconds", "Time between the last two key frames", labels=_STREAM)
        ring = GaugeMetricFamily("vbrain_stream_ring_bytes", "Packets kept in memory", labels=_STREAM)
        packets = CounterMetricFamily("vbrain_stream_packets", "Packets received", labels=_STREAM)
        decoded = CounterMetricFamily("vbrain_stream_frames_decoded", "Pictures decoded", labels=_STREAM)
        decoding = CounterMetricFamily("vbrain_stream_decode_seconds", "CPU time spent on decoding", labels=_STREAM)
        causes = CounterMetricFamily(
            "vbrain_stream_failures", "Connections that failed, by cause", labels=[*_STREAM, "cause"]
        )
        looks = GaugeMetricFamily("vbrain_camera_looks_per_second", "Looks of the models", labels=["camera"])
        for camera_id in board.camera_ids:
            camera = board.view(camera_id)
            looks.add_metric([camera_id], camera.looks_per_second)
            for stream in camera.streams:
                labels = [camera_id, stream.role.value]
                online.add_metric(labels, float(stream.state in (ShownState.ONLINE, ShownState.DEGRADED)))
                rate.add_metric(labels, stream.frames_per_second)
                bits.add_metric(labels, stream.bits_per_second)
                message = board.fresh(camera_id, StreamRole(stream.role))
                if message is not None:
                    shed.add_metric(labels, message.frames_shed)
                    again.add_metric(labels, message.reconnects)
                    ring.add_metric(labels, message.ring_bytes)
                    packets.add_metric(labels, message.packets)
                    decoded.add_metric(labels, message.frames_decoded)
                    decoding.add_metric(labels, message.decode_seconds)
                    if message.gop_seconds is not None:
                        gop.add_metric(labels, message.gop_seconds)
                    for cause, times in message.failures.items():
                        causes.add_metric([*labels, cause], times)
        yield from (online, rate, bits, gop, ring, packets, decoded, decoding, shed, again, causes, looks)

    def _attention(self) -> Iterator[Metric]:
        board = self._context.board
        by_task = ["camera", "task"]
        bids = CounterMetricFamily("vbrain_attention_bids", "Frames that a look was wanted of", labels=["camera"])
        shed = CounterMetricFamily(
            "vbrain_attention_shed", "Frames that a look was wanted of and did not get", labels=["camera"]
        )
        unwanted = CounterMetricFamily(
            "vbrain_attention_unwanted", "Frames of a scene too still to be looked at", labels=["camera"]
        )
        age = GaugeMetricFamily(
            "vbrain_attention_age_seconds", "Age of a frame when its boxes exist, smoothed", labels=["camera"]
        )
        rests = GaugeMetricFamily(
            "vbrain_attention_rests", "1 while nothing stirs and key frames alone are decoded", labels=["camera"]
        )
        looks = CounterMetricFamily("vbrain_attention_looks", "Looks of the models", labels=by_task)
        gap = GaugeMetricFamily(
            "vbrain_attention_longest_gap_seconds", "Longest time between two looks since the start", labels=by_task
        )
        for camera_id in board.camera_ids:
            message = board.fresh(camera_id, StreamRole.SUB)
            if message is None or message.attention is None:
                continue
            figures, name = message.attention, [camera_id]
            bids.add_metric(name, figures.bids)
            shed.add_metric(name, figures.shed)
            unwanted.add_metric(name, figures.unwanted)
            age.add_metric(name, figures.age_seconds)
            rests.add_metric(name, float(figures.rests))
            for task, count in figures.looks.items():
                looks.add_metric([camera_id, task], count)
            for task, seconds in figures.longest_gap.items():
                gap.add_metric([camera_id, task], seconds)
        yield from (bids, shed, unwanted, age, rests, looks, gap)

    def _recordings(self) -> Iterator[Metric]:
        board = self._context.board
        state = GaugeMetricFamily(
            "vbrain_recording_ok", "1 unless the camera should be recorded and cannot", labels=["camera"]
        )
        written = CounterMetricFamily("vbrain_recording_bytes", "Bytes recorded", labels=["camera"])
        files = CounterMetricFamily("vbrain_recording_segments", "Files recorded", labels=["camera"])
        dropped = CounterMetricFamily("vbrain_recording_packets_dropped", "Packets not recorded", labels=["camera"])
        for camera_id in board.camera_ids:
            message = board.fresh(camera_id, StreamRole.SUB)
            if message is None or message.recording in (None, "off"):
                continue
            state.add_metric([camera_id], float(message.recording not in ("disk_full", "failed")))
            written.add_metric([camera_id], message.recorded_bytes)
            files.add_metric([camera_id], message.recorded_segments)
            dropped.add_metric([camera_id], message.recording_dropped)
        yield from (state, written, files, dropped)

    def _phones(self) -> Iterator[Metric]:
        phones, shards = self._context.phones, self._context.shards
        totals = phones.totals
        yield GaugeMetricFamily("vbrain_phones", "Phones that are cameras now", value=len(phones.live()))
        for name, text, value in (
            ("vbrain_phones_begun", "Broadcasts that phones began", totals.begun),
            ("vbrain_phones_silent", "Broadcasts ended because nothing came any more", totals.silent),
            ("vbrain_phones_refused", "Broadcasts refused because as many were under way as may be", totals.refused),
            ("vbrain_phones_losses", "Times that packets of a phone were lost for good", totals.losses),
            ("vbrain_phones_units_dropped", "Pictures of phones that no shard took", shards.units_dropped),
        ):
            yield CounterMetricFamily(name, text, value=value)

    def _calls(self) -> Iterator[Metric]:
        board = self._context.switchboard
        totals = board.desk.totals
        yield GaugeMetricFamily("vbrain_calls", "Calls under way", value=len(board.desk.rooms))
        yield GaugeMetricFamily("vbrain_call_pages", "Pages in calls now", value=board.desk.lines)
        yield GaugeMetricFamily("vbrain_call_bells", "Pages that listen for calls", value=len(board.bells))
        for name, text, value in (
            ("vbrain_call_signals_relayed", "Messages passed from page to page", totals.relayed),
            ("vbrain_call_signals_refused", "Messages that were not allowed", totals.refused),
            ("vbrain_call_signals_undelivered", "Messages for a page that was not there", totals.undelivered),
            ("vbrain_call_pages_let_go", "Pages that said too much or did not read", totals.let_go),
            (
                "vbrain_call_facts_dropped",
                "What happened in calls and could not be kept for writing",
                board.book.dropped,
            ),
        ):
            yield CounterMetricFamily(name, text, value=value)

    def _feeds(self) -> Iterator[Metric]:
        whep, totals = self._context.whep, self._context.whep.totals
        yield GaugeMetricFamily("vbrain_live_sessions", "Live feeds open now", value=whep.session_count)
        yield GaugeMetricFamily("vbrain_live_feeds", "Streams that are taken from shards now", value=whep.feed_count)
        films = self._context.films
        yield GaugeMetricFamily("vbrain_live_films", "Live feeds read over HTTP now", value=len(films))
        seats = self._context.seats
        yield GaugeMetricFamily(
            "vbrain_live_bits_per_second", "What all live feeds together take now", value=seats.bits_per_second
        )
        yield GaugeMetricFamily(
            "vbrain_live_bits_per_second_limit", "The most they may take", value=seats.most_bits_per_second
        )
        refused = CounterMetricFamily("vbrain_live_refused", "Viewers that were refused, by why", labels=["limit"])
        refused.add_metric(["viewers"], seats.refused_for_viewers)
        refused.add_metric(["bits"], seats.refused_for_bits)
        yield refused
        for name, text, value in (
            ("vbrain_live_films_opened", "Live feeds over HTTP that were opened", films.totals.opened),
            ("vbrain_live_films_dead", "Live feeds over HTTP closed because nothing was taken", films.totals.dead),
            ("vbrain_live_films_frames_sent", "Pictures sent over HTTP", films.totals.frames_sent),
            (
                "vbrain_live_films_frames_dropped",
                "Pictures an HTTP reader was too slow for",
                films.totals.frames_dropped,
            ),
            ("vbrain_live_sessions_opened", "Live feeds that were opened", totals.opened),
            ("vbrain_live_sessions_dead", "Live feeds closed because the viewer had vanished", totals.dead),
            ("vbrain_live_frames_sent", "Pictures sent to viewers", totals.frames_sent),
            ("vbrain_live_frames_dropped", "Pictures a viewer was too slow for", totals.frames_dropped),
            ("vbrain_live_packets_lost", "Packets lost between shard and service", totals.packets_lost),
            ("vbrain_live_keyframe_requests", "Key frames that viewers asked for", totals.keyframe_requests),
            ("vbrain_logins_ended_while_watching", "Logins that ended with something open", self._context.logins.ended),
            ("vbrain_overlays_dropped", "Overlays a browser was too slow for", self._context.overlays.dropped),
            ("vbrain_events_dropped", "Events a listener was too slow for", self._context.bulletin.dropped),
        ):
            yield CounterMetricFamily(name, text, value=value)
        listeners = self._context.bulletin.listeners
        yield GaugeMetricFamily("vbrain_event_listeners", "Browsers that listen to events", value=listeners)

    def _transcoders(self) -> Iterator[Metric]:
        transcoders = self._context.playable.transcoders
        totals = transcoders.totals
        yield GaugeMetricFamily("vbrain_transcoders", "Streams that are transcoded now", value=len(transcoders))
        for name, text, value in (
            ("vbrain_transcoders_started", "Transcoders that were started", totals.started),
            ("vbrain_transcoders_failed", "Transcoders that ended by a fault", totals.failed),
            ("vbrain_transcode_frames_decoded", "Pictures decoded to be transcoded", totals.frames_decoded),
            ("vbrain_transcode_frames_encoded", "Pictures encoded for viewers", totals.frames_encoded),
            ("vbrain_transcode_frames_dropped", "Pictures transcoding was too slow for", totals.frames_dropped),
            ("vbrain_transcode_cpu_seconds", "CPU time spent on transcoding", totals.cpu_seconds),
        ):
            yield CounterMetricFamily(name, text, value=value)


def registry_of(context: Context) -> CollectorRegistry:
    """A registry with the service's figures and the process's own."""
    registry = CollectorRegistry()
    registry.register(ServiceCollector(context))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
