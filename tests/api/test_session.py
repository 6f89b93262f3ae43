"""Logging in: the cookie, its life, the brake on guessing, and what is never stored or said."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.identity import (
    Caller,
    UnusableCredentials,
    begin_login,
    check_password,
    create_user,
    extend,
    first_admin,
    is_due,
    set_password,
    who_is,
)
from api.throttle import LoginThrottle
from configs.words import Role
from models.base import utc_now
from models.session import Database
from models.tables import AuditEntry, LoginSession, User
from tests.api.conftest import PASSWORD, StartService


def log_in(session: Session, username: str, password: str, hours: float = 1) -> tuple[str, Caller] | None:
    user_id = check_password(session, username, password)
    return begin_login(session, user_id, hours) if user_id else None


def test_the_first_administrator_is_made_once(database: Database) -> None:
    with database.session() as session:
        made = first_admin(session)
    assert made is not None
    username, password = made
    with database.session() as session:
        assert first_admin(session) is None
        found = log_in(session, username, password)
    assert found is not None and found[1].role is Role.ADMINISTRATOR
    with database.reading() as session:
        row = session.scalars(select(User)).one()
        kept = session.scalars(select(LoginSession)).one()
    assert password not in row.password_hash and row.password_hash.startswith("$argon2id$")
    assert found[0] not in kept.token_hash


def test_a_login_ends_with_its_time_and_lasts_while_used(database: Database) -> None:
    with database.session() as session:
        create_user(session, "wang", PASSWORD, Role.OPERATOR)
        found = log_in(session, "wang", PASSWORD, hours=2)
        assert found is not None
        token, caller = found
        assert not is_due(caller, 2)
    with database.session() as session:
        session.scalars(select(LoginSession)).one().expires_at = utc_now() + timedelta(minutes=5)
    with database.session() as session:
        caller_now = who_is(session, token)
        assert caller_now is not None and is_due(caller_now, 2)
        longer = extend(session, token, 2)
        assert longer is not None and longer.expires_at > utc_now() + timedelta(minutes=110)
    with database.session() as session:
        session.scalars(select(LoginSession)).one().expires_at = utc_now() - timedelta(seconds=1)
    with database.session() as session:
        assert who_is(session, token) is None


def test_a_changed_password_ends_logins_and_a_disabled_user_is_out(database: Database) -> None:
    with database.session() as session:
        create_user(session, "li", PASSWORD, Role.VIEWER)
        first = log_in(session, "li", PASSWORD)
        assert first is not None
        set_password(session, "li", "another long one")
        assert who_is(session, first[0]) is None
        assert log_in(session, "li", PASSWORD) is None
        second = log_in(session, "li", "another long one")
        assert second is not None
        session.scalars(select(User)).one().disabled = True
    with database.session() as session:
        assert who_is(session, second[0]) is None
        assert log_in(session, "li", "another long one") is None


@pytest.mark.parametrize(("name", "password"), [("", PASSWORD), (" x", PASSWORD), ("x" * 65, PASSWORD), ("x", "short")])
def test_credentials_that_cannot_be_taken_are_said_so(sqlite_database: Database, name: str, password: str) -> None:
    with pytest.raises(UnusableCredentials), sqlite_database.session() as session:
        create_user(session, name, password, Role.VIEWER)


def test_the_cookie_is_closed_to_scripts_and_other_sites(
    start_service: StartService, sqlite_database: Database
) -> None:
    client = start_service(sqlite_database).client()
    answer = client.post("/api/session", json={"username": "operator", "password": PASSWORD})
    assert answer.json()["user"]["role"] == "operator"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Secure" not in cookie
    assert client.get("/api/me").json()["user"]["username"] == "operator"
    token = client.cookies["vbrain_session"]
    assert client.delete("/api/session").status_code == 204
    assert client.get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_token_works_as_bearer(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database)
    token = service.client("viewer").cookies["vbrain_session"]
    headers = {"Authorization": f"Bearer {token}", "Origin": "https://elsewhere.example"}
    assert service.client().get("/api/me", headers=headers).json()["user"]["role"] == "viewer"


def test_guessing_is_braked_and_every_try_is_on_record(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database)
    client = service.client()
    answers = [client.post("/api/session", json={"username": "viewer", "password": f"guess {n}"}) for n in range(11)]
    assert [a.status_code for a in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    right = client.post("/api/session", json={"username": "viewer", "password": PASSWORD})
    assert right.status_code == 429, "the right password must not tell itself apart now"
    with service.database.reading() as session:
        tries = session.scalars(select(AuditEntry).where(AuditEntry.action == "login.failed")).all()
    assert len(tries) == 10 and all("guess" not in t.subject for t in tries)


def test_mistakes_in_a_login_never_repeat_the_password(start_service: StartService, sqlite_database: Database) -> None:
    client = start_service(sqlite_database).client()
    answer = client.post("/api/session", json={"username": "", "password": "my-secret", "extra": "my-secret"})
    assert answer.status_code == 422 and "my-secret" not in answer.text
    assert len(answer.json()["errors"]) == 2


def test_the_brake_lets_go_with_time_and_its_memory_is_bounded() -> None:
    now = [0.0]
    throttle = LoginThrottle(tries=2, tries_per_address=4, window_seconds=10, most_keys=3, clock=lambda: now[0])
    throttle.failed("wang", "a")
    assert throttle.wait_seconds("wang", "a") == 0
    now[0] = 4
    throttle.failed("Wang", "a")
    assert throttle.wait_seconds("wang", "a") == 6
    assert throttle.wait_seconds("wang", "b") == throttle.wait_seconds("li", "a") == 0
    throttle.failed("li", "a")
    throttle.failed("zhao", "a")
    assert throttle.wait_seconds("sun", "a") == 6, "many names from one place"
    now[0] = 10.5
    assert throttle.wait_seconds("sun", "a") == 0
    throttle.failed("wang", "a")
    throttle.succeeded("wang", "a")
    throttle.failed("wang", "a")
    assert throttle.wait_seconds("wang", "b") == 0
    for number in range(100):
        throttle.failed("x", f"address {number}")
    assert len(throttle._failures) == 3
