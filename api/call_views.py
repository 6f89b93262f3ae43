"""From calls, and their rows, to what the interface says.

Promises: nothing that only one of them may know: no link, no device. Not here: the shapes (`schemas_calls.py`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from alerts.calls import moment
from api.schemas_calls import CallPerson, CallRecordingSeen, CallSeen, CallShare, IceServer
from api.settings import LiveSettings
from configs.site import Name
from configs.words import IncidentKind, Role
from live.call_consent import RecordingState
from live.call_people import Person, Presence
from live.calls import Room
from models.calls import Call
from models.calls import CallPerson as CallPersonRow

_NO_RECORDING = CallRecordingSeen(state=RecordingState.OFF, recorder=None, agreed=[], refused=[])


def room_seen(room: Room, kind: IncidentKind, now: float, name_of: Callable[[str], Name]) -> CallSeen:
    """A call under way."""
    consent = room.consent
    return CallSeen(
        id=room.id, incident_id=room.incident_id, kind=kind, host=room.host_id, started_at=moment(room.started_at),
        ended_at=_moment(room.ended_at), ended_why=room.ended_why,
        people=[_person(p, now, name_of) for p in room.people.values()],
        recording=CallRecordingSeen(
            state=consent.state, recorder=consent.recorder, agreed=sorted(consent.agreed),
            refused=sorted(consent.refused),
        ),
    )  # fmt: skip


def _person(person: Person, now: float, name_of: Callable[[str], Name]) -> CallPerson:
    stay = max(0.0, now - person.present_since) if person.present_since is not None else 0.0
    share = person.share
    return CallPerson(
        id=person.id, name=person.name, user_id=person.user_id, role=Role(person.role) if person.role else None,
        guest=person.is_guest, state=person.state, joined_at=_moment(person.joined_at),
        left_at=_moment(person.left_at), seconds=person.seconds + stay, session=person.session,
        attached=person.attached, muted=person.muted, camera_off=person.camera_off,
        share=CallShare(camera_id=share.camera_id, name=name_of(share.camera_id), stream=share.stream)
        if share else None,
    )  # fmt: skip


def call_seen(call: Call, people: Sequence[CallPersonRow], kind: IncidentKind, roles: dict[str, Role]) -> CallSeen:
    """A call that is over."""
    host = next((p.id for p in people if p.user_id == call.started_by), "")
    return CallSeen(
        id=call.id, incident_id=call.incident_id, kind=kind, host=host, started_at=call.started_at,
        ended_at=call.ended_at, ended_why=call.ended_why, recording=_NO_RECORDING,
        people=[
            CallPerson(
                id=p.id, name=p.name, user_id=p.user_id, role=roles.get(p.user_id or ""), guest=p.user_id is None,
                state=Presence(p.state), joined_at=p.joined_at, left_at=p.left_at, seconds=p.seconds, session=None,
                attached=0, muted=False, camera_off=False, share=None,
            )
            for p in people
        ],
    )  # fmt: skip


def ice_servers(live: LiveSettings) -> list[IceServer]:
    """STUN and TURN as browsers take them. For who is in a call alone: it holds the TURN password."""
    password = live.turn_password.get_secret_value() if live.turn_password else None
    return [
        IceServer(urls=url, username=live.turn_username, credential=password)
        if url.startswith("turn") else IceServer(urls=url)
        for url in live.ice_servers
    ]  # fmt: skip


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else moment(seconds)
