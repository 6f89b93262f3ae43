"""Who may call what: every route names its roles, and they hold."""

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute

from api.access import Allow
from api.app import create_app
from api.openapi import DEFAULT_FILE, document, example_settings
from configs.words import Role
from models.session import Database
from tests.api.conftest import StartService

#: Routes that nobody need be logged in for. Nothing gets in here by itself.
OPEN = {
    ("POST", "/api/session"),
    ("DELETE", "/api/session"),
    ("GET", "/api/health"),
    # Citizens and visitors: bounded and slowed down by device and network; a code opens one report or question.
    ("GET", "/api/report-form"),
    ("GET", "/api/report-form/plan"),
    ("POST", "/api/reports"),
    ("GET", "/api/reports/{code}"),
    ("DELETE", "/api/reports/{code}"),
    ("GET", "/api/reports/{code}/media/{evidence_id}"),
    ("POST", "/api/reports/{code}/additions"),
    ("POST", "/api/reports/{code}/rating"),
    ("POST", "/api/questions"),
    ("GET", "/api/questions/by-code/{code}"),
    # Households that are called: a link opens one call for one person, while it lasts; looking is slowed down.
    ("POST", "/api/calls/guest"),
    ("POST", "/api/calls/guest/decline"),
    ("WEBSOCKET", "/api/calls/guest-line"),
    # Signed by WeChat; off without a token.
    ("GET", "/api/wechat"),
    ("POST", "/api/wechat"),
}

#: A route for each group of roles, and who may call it.
WHO = {
    "/api/cameras": set(Role) - {Role.CITIZEN},
    "/api/cameras/gate/snapshot.jpg": set(Role) - {Role.CITIZEN, Role.PLANNER},
    "/api/incidents": set(Role) - {Role.CITIZEN, Role.PLANNER},
    "/api/flow/minutes": set(Role) - {Role.CITIZEN},
    "/api/me": set(Role),
    "/api/users": {Role.ADMINISTRATOR},
    "/api/deliveries": {Role.ADMINISTRATOR, Role.OPERATOR},
    "/api/questions": {Role.ADMINISTRATOR, Role.OPERATOR, Role.GRID_WORKER},
    "/metrics": {Role.ADMINISTRATOR},
}


def guards(dependant: Dependant) -> list[Allow]:
    found = [dependant.call] if isinstance(dependant.call, Allow) else []
    for inner in dependant.dependencies:
        found += guards(inner)
    return found


def routes() -> list[APIRoute | APIWebSocketRoute]:
    found: list[APIRoute | APIWebSocketRoute] = []

    def walk(items: list[object]) -> None:
        for item in items:
            if isinstance(item, APIRoute | APIWebSocketRoute):
                found.append(item)
            walk(getattr(item, "routes", None) or getattr(getattr(item, "original_router", None), "routes", None) or [])

    walk(list(create_app(example_settings()).routes))
    return found


def test_every_route_names_its_roles() -> None:
    unguarded = set()
    seen = 0
    for route in routes():
        seen += 1
        methods = getattr(route, "methods", {"WEBSOCKET"})
        if not guards(route.dependant):
            unguarded |= {(method, route.path) for method in methods}
    assert seen >= 20
    assert unguarded == OPEN


def test_without_a_login_nothing_is_open(start_service: StartService, sqlite_database: Database) -> None:
    client = start_service(sqlite_database).client()
    for path in WHO:
        answer = client.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["titles"] == {"zh": "请先登录", "en": "Log in first"}
    assert client.get("/api/health").json()["status"] in ("ok", "degraded")
    assert client.get("/openapi.json").status_code == 404


def test_roles_hold(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database)
    for role in Role:
        client = service.client(role.value)
        allowed = {path for path in WHO if client.get(path).status_code != 403}
        assert allowed == {path for path, roles in WHO.items() if role in roles}, role


def test_the_web_client_is_generated_from_this_interface() -> None:
    assert DEFAULT_FILE.read_text(encoding="utf-8") == document(), "run: python -m api.openapi"


@pytest.mark.parametrize("name", ["IncidentEvent", "CameraStateEvent", "Overlay", "OverlayWish", "CallBell", "Problem"])
def test_what_travels_otherwise_has_its_type_too(name: str) -> None:
    assert f'"{name}": {{' in document()
