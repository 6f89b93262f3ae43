"""Finding cameras on the network: WS-Discovery for who is there, ONVIF for what they stream.

Promises: every wait is bounded; one device that fails does not hide the others; a password is neither kept nor put into
what is given back. Not here: printing (`commands/discover.py`), opening streams (`ingest/`).
"""

import asyncio
import contextlib
import logging
import re
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

log = logging.getLogger(__name__)

_CAMERA_TYPE = ("http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter")
_GROUP = ("239.255.255.250", 3702)
#: All of one device's answers together.
_DEVICE_SECONDS = 15.0
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Address:
    """A device's ONVIF service: its URL, and the name it gives itself, if any."""

    url: str
    name: str = ""

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or "?"


@dataclass(frozen=True, slots=True)
class FoundStream:
    """One of a device's streams; `url` has neither user nor password."""

    url: str
    codec: str
    width: int
    height: int
    frames_per_second: float | None


@dataclass(frozen=True, slots=True)
class Device:
    """A camera that was found. `problem`: one sentence, when it would not tell its streams."""

    address: Address
    maker: str = ""
    model: str = ""
    streams: Sequence[FoundStream] = field(default_factory=tuple)
    problem: str | None = None


def find(seconds: float, unicast: tuple[str, int] | None = None) -> list[Address]:
    """Who answers a WS-Discovery probe within `seconds`: by multicast on every interface, or whoever listens at
    `unicast`. Raises OSError when nothing can be sent."""
    from wsdiscovery import QName
    from wsdiscovery.actions.probe import constructProbe
    from wsdiscovery.message import createSOAPMessage, parseSOAPMessage

    # The library's own sockets lose the answers to a unicast probe and may spin, so only its messages are used.
    message = createSOAPMessage(constructProbe([QName(*_CAMERA_TYPE)], None)).encode()
    found: dict[str, Address] = {}
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(s) for s in _sockets(unicast is None)]
        _send(sockets, message, unicast or _GROUP)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            for ready in select.select(sockets, [], [], left)[0]:
                with contextlib.suppress(Exception):  # whatever a stranger sends
                    data, sender = ready.recvfrom(65536)
                    answer = parseSOAPMessage(data, sender[0])
                    for match in answer.getProbeResolveMatches() if answer is not None else ():
                        urls = [u for u in match.getXAddrs() if urlsplit(u).scheme in ("http", "https")]
                        if urls:
                            name = _name_of([s.getValue() for s in match.getScopes()])
                            found.setdefault(match.getEPR(), Address(_nearest(urls, sender[0]), name))
    return sorted(found.values(), key=lambda a: a.url)


def _sockets(is_multicast: bool) -> list[socket.socket]:
    """One for each of this machine's IPv4 addresses, so that the probe leaves by every interface."""
    if not is_multicast:
        return [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
    import ifaddr

    made = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if isinstance(ip.ip, str):
                with contextlib.suppress(OSError):
                    each = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    each.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(ip.ip))
                    each.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 2)
                    made.append(each)
    return made


def _send(sockets: Sequence[socket.socket], message: bytes, to: tuple[str, int]) -> None:
    failures = []
    for each in sockets:
        try:
            each.sendto(message, to)
        except OSError as error:
            failures.append(error)
    if failures and len(failures) == len(sockets):
        raise failures[0]


def _nearest(urls: Sequence[str], sender: str) -> str:
    """A device with several addresses: the one that it answered from."""
    return next((u for u in urls if urlsplit(u).hostname == sender), urls[0])


def _name_of(scopes: Sequence[str]) -> str:
    for scope in scopes:
        _, found, rest = scope.partition("onvif://www.onvif.org/name/")
        if found:
            return re.sub(r"%20|_", " ", rest)
    return ""


def describe(addresses: Sequence[Address], user: str, password: str) -> list[Device]:
    """What each device streams. Raises nothing: what fails is said in the device's `problem`."""

    async def ask_all() -> list[Device]:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def ask(address: Address) -> Device:
            async with slots:
                return await _describe(address, user, password)

        return list(await asyncio.gather(*(ask(address) for address in addresses)))

    return asyncio.run(ask_all())


async def _describe(address: Address, user: str, password: str) -> Device:
    from onvif import ONVIFCamera

    parts = urlsplit(address.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    camera = ONVIFCamera(f"{parts.scheme}://{parts.hostname}", port, user or None, password or None)
    try:
        async with asyncio.timeout(_DEVICE_SECONDS):
            return await _ask(camera, address)
    except TimeoutError:
        return Device(address, problem=f"it did not answer within {_DEVICE_SECONDS:.0f} s")
    except Exception as error:
        return Device(address, problem=_sentence(error))
    finally:
        with contextlib.suppress(Exception):
            await camera.close()


async def _ask(camera: Any, address: Address) -> Device:
    await camera.update_xaddrs()
    management = await camera.create_devicemgmt_service()
    about = await management.GetDeviceInformation()
    media = await camera.create_media_service()
    streams: list[FoundStream] = []
    for profile in await media.GetProfiles():
        video = getattr(profile, "VideoEncoderConfiguration", None)
        if video is None:
            continue
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        answer = await media.GetStreamUri({"StreamSetup": setup, "ProfileToken": profile.token})
        rate = getattr(getattr(video, "RateControl", None), "FrameRateLimit", None)
        streams.append(
            FoundStream(
                without_account(str(answer.Uri)),
                str(video.Encoding),
                int(video.Resolution.Width),
                int(video.Resolution.Height),
                float(rate) if rate else None,
            )
        )
    streams.sort(key=lambda s: s.width * s.height, reverse=True)
    return Device(address, str(about.Manufacturer or ""), str(about.Model or ""), tuple(streams))


def without_account(url: str) -> str:
    """The URL without user and password: some cameras put them into what they answer.

    >>> without_account("rtsp://admin:secret@10.0.0.8:554/a?b=1")
    'rtsp://10.0.0.8:554/a?b=1'
    """
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _sentence(error: Exception) -> str:
    """What went wrong, without what was sent."""
    text = str(error).lower()
    if any(word in text for word in ("unauthorized", "not authorized", "401", "authentication", "authorized")):
        return "it refused the user name or password; give them with --user and VBRAIN_CAMERA_PASSWORD"
    if isinstance(error, OSError) or "connect" in text or "connect" in type(error).__name__.lower():
        return "it could not be reached; check the address and that ONVIF is turned on"
    return f"it does not speak ONVIF as expected ({type(error).__name__})"
