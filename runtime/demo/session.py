"""One RTSP connection: requests answered, one stream played over TCP or UDP.

Promises: bounded buffers both ways; a client that does not read is dropped and counted, and nobody waits for it. One
session a connection, which ends with it. Not here: pacing (`rtsp_server.py`), text (`rtsp_text.py`).
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Protocol

from runtime.demo.clip import Source
from runtime.demo.faults import Faults
from runtime.demo.feed import Emission, Feed
from runtime.demo.rtp import goodbye, interleave, on_channel, sender_report, separate
from runtime.demo.rtsp_auth import Gatekeeper
from runtime.demo.rtsp_text import (
    MAX_BODY,
    MAX_HEAD,
    BadRequestError,
    Request,
    TransportChoice,
    choose_transport,
    parse,
    response,
)

METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN"


class Host(Protocol):
    """What a connection needs of its server."""

    session_timeout: float
    write_limit: int

    def gatekeeper(self) -> Gatekeeper | None: ...
    def source(self, path: str) -> Source | None: ...
    def faults(self, path: str) -> Faults: ...
    def feed(self, path: str) -> Feed: ...
    def now(self) -> float: ...
    def wall_clock(self) -> float: ...
    def udp_ports(self) -> tuple[int, int]: ...
    def send_udp(self, is_rtcp: bool, packet: bytes, address: tuple[str, int]) -> None: ...
    def opened(self, connection: Connection) -> None: ...
    def closed(self, connection: Connection) -> None: ...
    def wake(self, feed: Feed) -> None: ...
    def count(self, what: str) -> None: ...


class Connection(asyncio.Protocol):
    """One client. Also the `Receiver` of the feed it plays."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._gate = host.gatekeeper()
        self._admitted = self._gate is None
        self._transport: asyncio.Transport | None = None
        self._incoming = bytearray()
        self._skip = 0
        self._session: str | None = None
        self._choice: TransportChoice | None = None
        self._feed: Feed | None = None
        self._waits_for_keyframe = False
        self._peer = ""
        self.path = ""
        self.heard_at = host.now()

    # The connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._peer = transport.get_extra_info("peername")[0]
        self._host.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_playing()
        self._transport = None
        self._host.closed(self)

    def drop(self) -> None:
        """End it at once, as a camera does that loses power."""
        self._stop_playing()
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_playing(self) -> bool:
        return self._feed is not None

    @property
    def lives_by_keepalive(self) -> bool:
        """True unless media on this very connection shows that the client is there."""
        return self._feed is None or self._choice is None or self._choice.channels is None

    def owns(self, address: tuple[str, int]) -> bool:
        """True when a datagram from there is this client's."""
        ports = self._choice.ports if self._choice else None
        return ports is not None and address[0] == self._peer and address[1] in ports

    # Requests.

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._host.now()
        self._incoming += data
        try:
            self._read_requests()
        except BadRequestError:
            self._send(response(400, None))
            self._close()

    def _read_requests(self) -> None:
        buffer = self._incoming
        while buffer and self._transport is not None:
            if self._skip:
                dropped = min(self._skip, len(buffer))
                del buffer[:dropped]
                self._skip -= dropped
            elif buffer[0] == 0x24:  # interleaved RTCP of the client: a sign of life, no more
                if len(buffer) < 4:
                    return
                self._skip = 4 + int.from_bytes(buffer[2:4], "big")
            else:
                end = buffer.find(b"\r\n\r\n")
                if end < 0:
                    if len(buffer) > MAX_HEAD:
                        raise BadRequestError("a request without end")
                    return
                request = parse(bytes(buffer[:end]).lstrip(b"\r\n"))
                length = request.headers.get("content-length", "0")
                if not length.isdigit() or int(length) > MAX_BODY:
                    raise BadRequestError("a body too large")
                del buffer[: end + 4]
                self._skip = int(length)
                self._answer(request)

    def _answer(self, request: Request) -> None:
        path = request.path
        if self._host.faults(path).ignore_requests:
            return
        cseq = request.headers.get("cseq")
        if request.method == "OPTIONS":
            return self._send(response(200, cseq, {"Public": METHODS}))
        if self._gate is not None and not self._admitted:
            self._admitted = self._gate.admits(request.method, request.headers.get("authorization"))
            if not self._admitted:
                self._host.count("unauthorised")
                reply = response(401, cseq).removesuffix(b"\r\n")
                asks = "".join(f"WWW-Authenticate: {challenge}\r\n" for challenge in self._gate.challenges())
                return self._send(reply + asks.encode() + b"\r\n")
        handler = {
            "DESCRIBE": self._describe,
            "SETUP": self._setup,
            "PLAY": self._play,
            "PAUSE": self._pause,
            "GET_PARAMETER": self._keep_alive,
            "SET_PARAMETER": self._keep_alive,
            "TEARDOWN": self._teardown,
        }.get(request.method)
        if handler is None:
            return self._send(response(405, cseq, {"Allow": METHODS}))
        handler(request, path, cseq)

    def _describe(self, request: Request, path: str, cseq: str | None) -> None:
        refuse = self._host.faults(path).refuse
        source = self._host.source(path)
        if refuse is not None or source is None:
            return self._send(response(refuse or 404, cseq))
        clip, _ = source.at(0)
        sdp = (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=village-brain demo\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n"
            "a=range:npt=now-\r\nm=video 0 RTP/AVP 96\r\n"
            f"{clip.media_description()}a=framerate:{clip.fps:g}\r\na=control:trackID=0\r\n"
        )
        base = request.url.rstrip("/") + "/"
        self._send(response(200, cseq, {"Content-Base": base, "Content-Type": "application/sdp"}, sdp.encode()))

    def _setup(self, request: Request, path: str, cseq: str | None) -> None:
        if self._host.source(path) is None:
            return self._send(response(404, cseq))
        if self._feed is not None:
            return self._send(response(455, cseq))
        if self._session is not None and path != self.path:
            return self._send(response(459, cseq))
        choice = choose_transport(request.headers.get("transport", ""))
        if choice is None:
            return self._send(response(461, cseq))
        self._choice, self.path = choice, path
        self._session = self._session or secrets.token_hex(8)
        ssrc = f"{self._host.feed(path).ssrc:08X}"
        if choice.channels is not None:
            transport = f"RTP/AVP/TCP;unicast;interleaved={choice.channels[0]}-{choice.channels[1]};ssrc={ssrc}"
        else:
            assert choice.ports is not None
            ours = self._host.udp_ports()
            client, server = f"{choice.ports[0]}-{choice.ports[1]}", f"{ours[0]}-{ours[1]}"
            transport = f"RTP/AVP;unicast;client_port={client};server_port={server};ssrc={ssrc}"
        self._send(response(200, cseq, {"Transport": transport, "Session": self._session_header()}))

    def _session_header(self) -> str:
        return f"{self._session};timeout={max(1, int(self._host.session_timeout))}"

    def _has_session(self, request: Request, cseq: str | None) -> bool:
        given = request.headers.get("session", "").partition(";")[0]
        if self._session is not None and given == self._session:
            return True
        self._send(response(454, cseq))
        return False

    def _play(self, request: Request, path: str, cseq: str | None) -> None:
        if not self._has_session(request, cseq):
            return
        if self._feed is not None:
            return self._send(response(200, cseq, {"Session": self._session_header()}))
        feed = self._host.feed(self.path)
        now = self._host.now()
        group = feed.join(self, now)
        assert self._choice is not None
        # A burst of a whole group of pictures overflows small UDP receive buffers, so UDP waits for the next key frame.
        starts_with = group if self._choice.channels is not None else []
        sequence = starts_with[0].sequence if starts_with else feed.sequence
        timestamp = starts_with[0].timestamp if starts_with else feed.timestamp_at(now)
        timestamp = (timestamp + self._host.faults(self.path).shift) & 0xFFFFFFFF
        info = f"url={request.url.rstrip('/')}/trackID=0;seq={sequence};rtptime={timestamp}"
        headers = {"Session": self._session_header(), "Range": "npt=now-", "RTP-Info": info}
        self._send(response(200, cseq, headers))
        self._feed, self._waits_for_keyframe = feed, not starts_with
        self.report(feed.ssrc, self._host.wall_clock(), feed.timestamp_at(now), feed.packets, feed.octets)
        for emission in starts_with:
            self.deliver(emission)
        self._host.wake(feed)

    def _pause(self, request: Request, path: str, cseq: str | None) -> None:
        if self._has_session(request, cseq):
            self._stop_playing()
            self._send(response(200, cseq, {"Session": self._session_header()}))

    def _keep_alive(self, request: Request, path: str, cseq: str | None) -> None:
        if "session" not in request.headers or self._has_session(request, cseq):
            self._send(response(200, cseq, {"Session": self._session_header()} if self._session else None))

    def _teardown(self, request: Request, path: str, cseq: str | None) -> None:
        if self._has_session(request, cseq):
            self._stop_playing()
            self._session = self._choice = None
            self._send(response(200, cseq))

    # Media.

    def deliver(self, emission: Emission) -> None:
        """Send one picture. A client whose buffer is full is dropped."""
        if self._choice is None or self._transport is None:
            return
        if self._waits_for_keyframe and not emission.is_keyframe:
            return
        self._waits_for_keyframe = False
        faults = self._host.faults(self.path)
        left: Emission | None = faults.spoil(emission) if faults.touches_media else emission
        if left is None:
            return
        if self._choice.channels is not None:
            channel = self._choice.channels[0]
            self._send(left.blob if channel == 0 else on_channel(left.blob, left.offsets, channel))
        elif self._choice.ports is not None:
            for packet in separate(left.blob, left.offsets):
                self._host.send_udp(False, packet, (self._peer, self._choice.ports[0]))

    def report(self, ssrc: int, wall_clock: float, timestamp: int, packets: int, octets: int) -> None:
        faults = self._host.faults(self.path)
        if faults.clock_error_seconds:
            wall_clock += faults.clock_error_seconds
            faults.wrong_reports += 1
        if not faults.silent:
            self._send_rtcp(sender_report(ssrc, wall_clock, timestamp + faults.shift, packets, octets))

    def say_goodbye(self) -> None:
        """RTCP BYE, then close: the orderly end of a stream."""
        if self._feed is not None:
            self._send_rtcp(goodbye(self._feed.ssrc))
        self._stop_playing()
        self._close()

    def _send_rtcp(self, packet: bytes) -> None:
        if self._choice is None:
            return
        if self._choice.channels is not None:
            self._send(interleave(self._choice.channels[1], packet))
        elif self._choice.ports is not None:
            self._host.send_udp(True, packet, (self._peer, self._choice.ports[1]))

    def _send(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() + len(data) > self._host.write_limit:
            self._host.count("slow_clients_dropped")
            self.drop()
            return
        self._transport.write(data)

    def _stop_playing(self) -> None:
        if self._feed is not None:
            self._feed.leave(self)
            self._feed = None

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
