"""What the routes of governance work with: the village's rules, evidence, the courier's test, brakes on strangers.

Promises: made once with the application. Not here: rules (`alerts/`), routes.
"""

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import Request
from starlette.requests import HTTPConnection

from alerts.evidence import EvidenceStore
from alerts.notify.courier import Courier
from alerts.pace import Pace, network_of
from alerts.reports import PhotoJudge
from api.problems import ProblemError
from api.settings import ApiSettings
from configs.kinds import IncidentKinds
from configs.village import Village, incident_kinds, village
from models.session import Database

#: Of one network, where a whole village may come from one address: a page that is looked at asks 4 times a minute.
_LOOKS_PER_MINUTE = 200


@dataclass
class Governance:
    """See the module."""

    village: Village
    kinds: IncidentKinds
    zone: ZoneInfo
    evidence: EvidenceStore
    courier: Courier
    judge: PhotoJudge | None
    reports: Pace = field(default_factory=Pace)
    looks: Pace = field(default_factory=lambda: Pace(seconds=60.0))

    def brake(self, request: Request, device: str | None) -> None:
        """Counts one report or question; raises the problem when device or network sent too many."""
        limits = self.village.reports
        address = address_of(request) or "unknown"
        keys = {f"net:{network_of(address)}": limits.per_network_hour}
        keys[f"device:{device}" if device else f"address:{address}"] = limits.per_device_hour
        self._slow(self.reports.wait_seconds(keys))

    def brake_looking(self, request: HTTPConnection) -> None:
        """Counts one look at a code: codes cannot be tried out by the thousand."""
        self._slow(self.looks.wait_seconds({network_of(address_of(request) or "unknown"): _LOOKS_PER_MINUTE}))

    @staticmethod
    def _slow(wait: float) -> None:
        if wait > 0:
            raise ProblemError("too-many-reports", headers={"Retry-After": str(int(wait) + 1)})

    def day_of(self, moment: datetime) -> str:
        """The day of the village that a moment belongs to."""
        return moment.astimezone(self.zone).date().isoformat()


def address_of(request: HTTPConnection) -> str | None:
    """Where a request comes from."""
    return request.client.host if request.client else None


def make_governance(settings: ApiSettings, database: Database) -> Governance:
    """Made from the settings; raises ConfigError when village.yaml has mistakes."""
    place, kinds = settings.village or village(), incident_kinds()
    return Governance(
        village=place,
        kinds=kinds,
        zone=settings.site.site.zone_info,
        evidence=EvidenceStore(settings.evidence_dir),
        courier=Courier(database, place, kinds),
        judge=settings.photo_judge,
    )
