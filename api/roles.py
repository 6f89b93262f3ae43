"""Groups of roles that routes name. Not here: how a route lets them in (`access.py`)."""

from configs.words import Role

EVERYBODY = tuple(Role)
#: Whoever works for the village: sees the cameras, their state, the counts.
STAFF = (Role.ADMINISTRATOR, Role.OPERATOR, Role.GRID_WORKER, Role.ENFORCEMENT_OFFICER, Role.PLANNER, Role.VIEWER)
#: Whoever may look at live pictures.
WATCHERS = (Role.ADMINISTRATOR, Role.OPERATOR, Role.GRID_WORKER, Role.ENFORCEMENT_OFFICER, Role.VIEWER)
#: Whose phone may be a camera.
FILMERS = (Role.ADMINISTRATOR, Role.OPERATOR, Role.GRID_WORKER, Role.ENFORCEMENT_OFFICER)
#: Whoever may see incidents and their evidence; which steps they may take is said in `alerts/transitions.py`.
RESPONDERS = (Role.ADMINISTRATOR, Role.OPERATOR, Role.GRID_WORKER, Role.ENFORCEMENT_OFFICER, Role.VIEWER)
