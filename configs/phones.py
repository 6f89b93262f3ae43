"""Phones that are cameras for a while: temporary monitoring points, besides those in the site's file.

Promises: their ids never change, so what one recorded stays findable; watched and recorded as data here says. Not here:
who publishes, where and when, which only the running service knows (`live/phones.py`).
"""

from collections.abc import Iterable

from pydantic import SecretStr

from configs.site import Group, MonitoringPoint, Name, Place, Recording, RecordingMode, Site, Streams, Transport
from configs.words import Watch

#: The group that they are in. It is in no file.
GROUP = "phones"
#: Where such a point is comes with its stream; until then nobody is told of any place.
_NOWHERE = Place(x=0.5, y=0.5)


def groups_of(site: Site) -> list[Group]:
    """All groups of cameras: those in the file, and that of the phones where there may be any."""
    phones = [Group(id=GROUP, name=Name(zh="手机", en="Phones"))] if site.service.phones else []
    return [*site.groups, *phones]


def missing_groups(site: Site, wanted: Iterable[str]) -> str | None:
    """One sentence that names the groups that do not exist, and those that do; None when all that are wanted do."""
    known = [group.id for group in groups_of(site)]
    unknown = sorted(set(wanted) - set(known))
    return f"there is no group of cameras {', '.join(unknown)}; there are {', '.join(known)}" if unknown else None


def phone_points(site: Site) -> list[MonitoringPoint]:
    """The temporary monitoring points of a site; none where `service.phones` is 0."""
    recording = Recording(mode=RecordingMode.CONTINUOUS, keep_days=site.service.phone_keep_days)
    return [
        MonitoringPoint(
            id=f"phone-{number}",
            name=Name(zh=f"手机 {number}", en=f"Phone {number}"),
            place=_NOWHERE,
            group=GROUP,
            # Nothing is opened at this address: the service hands the stream over (`ingest/handed.py`).
            streams=Streams.model_construct(sub=SecretStr(f"phone://{number}"), main=None, transport=Transport.TCP),
            watch=[Watch.SMOKE_FIRE, Watch.PEOPLE_FLOW],
            recording=recording,
        )
        for number in range(1, site.service.phones + 1)
    ]


def carried_by(point: MonitoringPoint, person: str) -> MonitoringPoint:
    """The point while somebody carries it: named after them."""
    person = person[:60]
    return point.model_copy(update={"name": Name(zh=f"{person}的手机", en=f"{person}'s phone")})
