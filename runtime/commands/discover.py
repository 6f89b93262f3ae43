"""`vbrain discover`: which cameras are on the network, as YAML to paste into cameras.yaml."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from urllib.parse import quote, urlsplit

import typer

from runtime.commands.screen import err, fail, warn
from runtime.discovery import Address, Device, FoundStream, describe, find

PASSWORD_VARIABLE = "VBRAIN_CAMERA_PASSWORD"  # noqa: S105 - the name of a variable


def discover(
    user: Annotated[str, typer.Option(help="user name of the cameras' ONVIF account")] = "admin",
    host: Annotated[
        list[str] | None, typer.Option(help="ask this host (host or host:port) instead of searching; may be repeated")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, max=30, help="how long to listen for answers")] = 4.0,
) -> None:
    """Find cameras by WS-Discovery and ONVIF, and print the YAML to paste into cameras.yaml.

    The password comes from VBRAIN_CAMERA_PASSWORD, or is asked for. It is never printed."""
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is None:
        password = typer.prompt("password of the cameras", hide_input=True, default="", show_default=False, err=True)
    if host:
        addresses = [Address(f"http://{h}/onvif/device_service") for h in host]
    else:
        with _step("listening for cameras"):
            try:
                addresses = find(seconds)
            except OSError as error:
                fail(f"the network cannot be searched ({error.strerror}); name a camera with --host")
    if not addresses:
        fail("no camera answered; are they on this network, with ONVIF turned on? Ask one with --host ADDRESS")
    with _step(f"asking {len(addresses)} cameras what they stream"):
        devices = describe(addresses, user, password)
    text, told = as_yaml(devices, user)
    for device in devices:
        if device.problem or not device.streams:
            warn(f"{device.address.host}: {device.problem or 'it tells of no video stream'}.")
    if not told:
        fail("no camera told its streams")
    typer.echo(text)
    err.print(f"[green]✓[/green] {told} of {len(devices)} cameras; set {PASSWORD_VARIABLE} where the village runs")


@contextmanager
def _step(text: str) -> Iterator[None]:
    """Steps are told where they do not get into the YAML."""
    err.print(f"… {text}")
    yield


def as_yaml(devices: list[Device], user: str) -> tuple[str, int]:
    """The cameras that told their streams, as entries of cameras.yaml; how many they are."""
    lines: list[str] = []
    used: set[str] = set()
    for device in devices:
        if device.problem or not device.streams:
            continue
        name = device.address.name or f"{device.maker} {device.model}".strip() or device.address.host
        main, sub = device.streams[0], device.streams[-1]
        camera_id = _id_of(name, device.address.host, used)
        lines += [
            f"  # {device.maker} {device.model} at {device.address.host}".rstrip(),
            f"  - id: {camera_id}",
            f"    name: {{zh: {_quoted(name)}, en: {_quoted(name)}}}",
            "    place: {x: 0.5, y: 0.5}  # where it is on the village plan",
            "    group: TODO  # one of your groups",
            "    streams:",
        ]
        if main is not sub:
            lines.append(f"      main: {_with_account(main.url, user)}  # {_told(main)}")
        lines.append(f"      sub: {_with_account(sub.url, user)}  # {_told(sub)}")
    return "\n".join(["cameras:", *lines]), len(used)


def _told(stream: FoundStream) -> str:
    rate = f" at {stream.frames_per_second:g} fps" if stream.frames_per_second else ""
    return f"{stream.codec} {stream.width}×{stream.height}{rate}"


def _quoted(text: str) -> str:
    return '"' + re.sub(r'[\\"\x00-\x1f]', "", text)[:80] + '"'


def _with_account(url: str, user: str) -> str:
    """The URL with the account, its password by reference."""
    parts = urlsplit(url)
    account = f"{quote(user, safe='')}:${{{PASSWORD_VARIABLE}}}@" if user else ""
    return f'"{parts._replace(netloc=account + parts.netloc).geturl()}"'


def _id_of(name: str, host: str, used: set[str]) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30] or "camera"
    tail = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-").rpartition("-")[2]
    found = slug if slug not in used else f"{slug}-{tail}"
    number = 2
    while found in used:
        found, number = f"{slug}-{number}", number + 1
    used.add(found)
    return found
