"""How full zones were, against what they hold.

Promises: means are weighted by the seconds observed. Not here: reading (`footfall_rows.py`), alerts about crowds.
"""

import numpy as np

from configs.words import PEOPLE
from flow.footfall_rows import Stands
from flow.report_scope import Scope
from flow.report_words import ZoneFigures


def by_zone(scope: Scope, stands: Stands) -> list[ZoneFigures]:
    """Each zone in which people were watched, the fullest against its capacity first."""
    capacities = {(c.camera, c.zone): c.people for c in scope.settings.capacities}
    found = []
    for n, (camera_id, zone_id, kind) in enumerate(stands.series):
        seconds, mean, most = stands.seconds[n], stands.mean[n], stands.most[n]
        if kind not in PEOPLE or not seconds.any():
            continue
        day, hour = divmod(int(most.argmax()), 24)
        capacity = capacities.get((camera_id, zone_id))
        by_hour = np.divide(
            (mean * seconds).sum(axis=0), seconds.sum(axis=0), out=np.full(24, np.nan), where=seconds.any(axis=0)
        )
        found.append(
            ZoneFigures(
                camera_id,
                zone_id,
                scope.zone_name(camera_id, zone_id),
                capacity,
                round(float((mean * seconds).sum() / seconds.sum()), 2),
                int(most.max()),
                stands.days[day],
                hour,
                round(float(most.max()) / capacity, 3) if capacity else None,
                int((most > capacity).sum()) if capacity else None,
                round(float(seconds.sum()) / 3600, 2),
                [None if np.isnan(value) else round(float(value), 2) for value in by_hour],
                stands.arrivals[n],
            )
        )
    return sorted(found, key=lambda z: (-(z.share if z.share is not None else -1.0), -z.mean))
