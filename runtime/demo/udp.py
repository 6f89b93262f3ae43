"""The server's pair of UDP sockets: RTP on an even port, RTCP on the next.

Promises: sending never waits; what the kernel does not take is reported, not queued. Not here: who gets what.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

_TRIES = 64


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, heard: Callable[[tuple[str, int]], None]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._heard(addr[:2])


class UdpPorts:
    """Two bound sockets."""

    def __init__(self, sockets: tuple[socket.socket, socket.socket]) -> None:
        self._sockets = sockets
        self._transports: list[asyncio.DatagramTransport] = []
        self.ports: tuple[int, int] = (sockets[0].getsockname()[1], sockets[1].getsockname()[1])

    @staticmethod
    async def open(host: str, heard: Callable[[tuple[str, int]], None]) -> UdpPorts:
        """Bind a free pair. `heard` is called with the address of each datagram. Raises OSError."""
        ports = UdpPorts(_bind_pair(host))
        loop = asyncio.get_running_loop()
        for bound in ports._sockets:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Listener(heard), sock=bound)
            ports._transports.append(transport)
        return ports

    def send(self, is_rtcp: bool, packet: bytes, address: tuple[str, int]) -> bool:
        """Send one packet; False when the kernel would not take it now."""
        try:
            self._sockets[is_rtcp].sendto(packet, address)
        except OSError:
            return False
        return True

    def close(self) -> None:
        for transport in self._transports:
            transport.abort()


def _bind_pair(host: str) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(_TRIES):
        rtp = socket.socket(family, socket.SOCK_DGRAM)
        rtcp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            rtp.bind((host, 0))
            port = rtp.getsockname()[1]
            if port % 2 == 0:
                rtcp.bind((host, port + 1))
                rtp.setblocking(False)
                rtcp.setblocking(False)
                return rtp, rtcp
        except OSError:
            pass
        rtp.close()
        rtcp.close()
    raise OSError("no free pair of UDP ports; close programs that hold many")
