"""Whose cameras: the one place that decides who may see the pictures of which.

Promises: somebody limited to groups of cameras is told of no other camera, and gets nothing of its picture: live,
looking back, boxes, or evidence; naming it is answered as if there were none. The administrator sees all. Counts of
passers-by and the facts of an incident are no pictures, and stay with the roles. Not here: roles (`access.py`), where
the groups are kept (`identity.py`), which groups there are (`configs/`).
"""

from collections.abc import Callable

from api.cameras import CameraGroups, in_groups
from api.context import Context
from api.identity import Caller
from api.problems import ProblemError
from configs.site import MonitoringPoint
from configs.words import Role


def groups_of(caller: Caller) -> CameraGroups:
    """Which groups are the caller's."""
    return caller.camera_groups if caller.camera_groups and caller.role is not Role.ADMINISTRATOR else None


def sees(context: Context, caller: Caller, camera_id: str | None) -> bool:
    """Whether the pictures of this camera are for the caller; None is no camera, and for everybody."""
    return in_groups(context.board, groups_of(caller), camera_id)


def sight(context: Context, caller: Caller) -> Callable[[str | None], bool]:
    """`sees`, for one caller."""
    return lambda camera_id: sees(context, caller, camera_id)


def camera_for(context: Context, caller: Caller, camera_id: str) -> MonitoringPoint:
    """The camera that the caller names. Raises ProblemError when there is none, or when it is not for them."""
    if camera_id not in context.board or not sees(context, caller, camera_id):
        raise ProblemError("camera-not-found")
    return context.board.point(camera_id)


def cameras_for(context: Context, caller: Caller) -> list[str]:
    """The cameras that are for the caller, in the order of the configuration."""
    return [camera_id for camera_id in context.board.camera_ids if sees(context, caller, camera_id)]
