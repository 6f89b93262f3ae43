"""The session: what was committed stays, readers and writers do not hurt each other, failures are told plainly."""

import os
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError, StatementError

from models.address import FILE_NAME, describe, resolve
from models.errors import DatabaseUnavailable
from models.session import Database, open_database
from models.tables import AuditEntry, Incident, LoginSession, Secret, User
from tests.support.postgres import Cluster

NOON = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)


def audit(subject: str) -> AuditEntry:
    return AuditEntry(action="looked", subject=subject)


def count(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(AuditEntry)) or 0


def test_a_session_commits_at_its_end_and_rolls_back_on_an_error(database: Database) -> None:
    with database.session() as session:
        entry = audit("kept")
        session.add(entry)
    assert entry.subject == "kept"  # usable after the session, without a query
    with pytest.raises(RuntimeError), database.session() as session:
        session.add(audit("lost"))
        session.flush()
        raise RuntimeError
    assert count(database) == 1


def test_reading_sees_one_snapshot_while_others_write(database: Database) -> None:
    with database.reading() as reader:
        seen = reader.scalar(select(func.count()).select_from(AuditEntry))
        with database.session() as session:
            session.add(audit("later"))
        assert reader.scalar(select(func.count()).select_from(AuditEntry)) == seen == 0
    assert count(database) == 1


def test_reading_cannot_write_and_the_next_session_can(database: Database) -> None:
    with pytest.raises((OperationalError, InternalError)), database.reading() as session:
        session.add(audit("forbidden"))
        session.flush()
    for number in range(10):  # whichever pooled connection comes, none is left read-only
        with database.session() as session:
            session.add(audit(str(number)))
    assert count(database) == 10


def test_many_writers_that_read_first_lose_nothing_and_never_meet_a_locked_database(database: Database) -> None:
    with database.session() as session:
        session.add(Secret(name="counter", value=b"0"))
    failures: list[BaseException] = []

    def add_ten() -> None:
        try:
            for _ in range(10):
                with database.session() as session:
                    counter = session.scalars(select(Secret).where(Secret.name == "counter").with_for_update()).one()
                    counter.value = str(int(counter.value) + 1).encode()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=add_ten) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    with database.reading() as session:
        assert session.get_one(Secret, "counter").value == b"80"


def test_a_reader_is_not_kept_waiting_by_a_writer(database: Database) -> None:
    with database.session() as writer:
        writer.add(audit("held"))
        writer.flush()
        assert count(database) == 0
    assert count(database) == 1


def test_what_was_committed_survives_a_process_that_is_killed(sqlite_database: Database, tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from models.session import open_database\n"
        "from models.tables import AuditEntry\n"
        "d = open_database(None, Path(sys.argv[1]))\n"
        "with d.session() as s: s.add(AuditEntry(action='a', subject='committed'))\n"
        "s = d._writing(); s.add(AuditEntry(action='a', subject='not yet')); s.flush(); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "data")], timeout=60)
    assert done.returncode == -9
    with sqlite_database.reading() as session:
        assert session.scalars(select(AuditEntry.subject)).all() == ["committed"]


def test_sqlite_is_set_up_to_be_durable_and_strict(sqlite_database: Database) -> None:
    with sqlite_database.session() as session:
        answers = {p: session.scalar(text(f"PRAGMA {p}")) for p in ("journal_mode", "synchronous", "foreign_keys")}
    assert answers == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_foreign_key_that_points_nowhere_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError), database.session() as session:
        session.add(LoginSession(token_hash="0" * 64, user_id="nobody", expires_at=NOON))


def test_times_come_back_as_the_same_utc_moment_and_naive_ones_are_refused(database: Database) -> None:
    with database.session() as session:
        session.add(AuditEntry(action="a", subject="s", at=NOON.astimezone(timezone(timedelta(hours=8)))))
    with database.reading() as session:
        found = session.scalars(select(AuditEntry.at)).one()
        assert found == NOON and found.utcoffset() == timedelta(0)
        assert session.scalars(select(AuditEntry.subject).where(AuditEntry.at < NOON + timedelta(microseconds=1))).all()
        assert not session.scalars(select(AuditEntry.subject).where(AuditEntry.at < NOON)).all()
    with pytest.raises(StatementError, match="naive"), database.session() as session:
        session.add(AuditEntry(action="a", subject="s", at=NOON.replace(tzinfo=None)))


def test_the_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    database = open_database(None, tmp_path / "var" / "deep")
    path = tmp_path / "var" / "deep" / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    database.close()


def test_values_do_not_appear_in_errors(database: Database) -> None:
    def user() -> User:
        return User(username="wang", display_name="Wang", password_hash="hash-of-hunter2", role="operator")

    with pytest.raises(IntegrityError) as caught, database.session() as session:
        session.add_all([user(), user()])
    assert "hunter2" not in str(caught.value)


# What people meet when a database cannot be used ------------------------------------------------------------------


def refusal(url: str | None, folder: Path) -> str:
    with pytest.raises(DatabaseUnavailable) as caught:
        open_database(url, folder)
    said = str(caught.value)
    assert "\n" not in said and said.endswith(".")
    return said


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(os.urandom(8192))
    assert "is not a database" in refusal(None, tmp_path)


def test_a_damaged_file(sqlite_database: Database, tmp_path: Path) -> None:
    with sqlite_database.session() as session:
        session.add_all(audit("x" * 500) for _ in range(200))
    sqlite_database.close()
    path = tmp_path / "data" / FILE_NAME
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(DatabaseUnavailable, match="restore a backup"):
        again = open_database(None, path.parent)
        with again.reading() as session:
            session.scalars(select(AuditEntry.subject)).all()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("in the way")
    assert "cannot be opened" in refusal(None, tmp_path / "var")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user to be refused")
def test_a_folder_where_this_user_may_not_write(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from models.session import open_database\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "open_database(None, Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", program, "/proc/1"], capture_output=True, text=True, timeout=60)
    assert "DatabaseUnavailable" in done.stderr and "this user may write there" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user to be refused")
def test_a_file_that_this_user_may_only_read(sqlite_database: Database, tmp_path: Path) -> None:
    sqlite_database.close()
    for folder in (tmp_path / "data", *list(tmp_path.parents)[:3]):
        folder.chmod(0o755)
    (tmp_path / "data" / FILE_NAME).chmod(0o644)
    program = (
        "import os, sys; from pathlib import Path; from models.session import open_database\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "open_database(None, Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "data"], capture_output=True, text=True, timeout=60
    )
    assert "DatabaseUnavailable" in done.stderr and "this user may write there" in done.stderr


def test_a_full_disk_is_told_and_what_was_committed_stays(sqlite_database: Database) -> None:
    with sqlite_database.session() as session:
        session.add(audit("before"))
    with sqlite_database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")  # for this pooled connection
    with pytest.raises(DatabaseUnavailable, match="disk is full"), sqlite_database.session() as session:
        session.add_all(audit("x" * 1000) for _ in range(100))
    assert count(sqlite_database) == 1


def test_a_writer_that_never_ends_is_told_to_those_who_wait(sqlite_database: Database, tmp_path: Path) -> None:
    stuck = sqlite3.connect(tmp_path / "data" / FILE_NAME, isolation_level=None)
    stuck.execute("BEGIN IMMEDIATE")
    with sqlite_database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA busy_timeout = 1")  # the limit itself is not under test
    with pytest.raises(DatabaseUnavailable, match="held by another writer"), sqlite_database.session() as session:
        session.add(audit("waits"))
    stuck.close()


@pytest.mark.parametrize(
    "url",
    ["mysql://u:hunter2@h/d", "postgresql:/u:hunter2@h", "hunter2", "sqlite://", "sqlite:///:memory:", "postgresql://u:hunter2@h:port/d"],
)  # fmt: skip
def test_an_address_that_cannot_work_is_refused_without_its_password(url: str, tmp_path: Path) -> None:
    assert "hunter2" not in refusal(url, tmp_path)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_uses_psycopg_and_is_described_without_its_password(scheme: str) -> None:
    url = resolve(f"{scheme}://village:p%40ss@db.local:5433/brain?password=p%40ss", Path("unused"))
    assert url.drivername == "postgresql+psycopg" and url.password == "p@ss"
    assert describe(url) == "the PostgreSQL database brain at db.local:5433"


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound but not listening, so nobody answers
        taken.bind(("127.0.0.1", 0))
        said = refusal(f"postgresql://u:hunter2@127.0.0.1:{taken.getsockname()[1]}/d", tmp_path)
    assert "no server listens there" in said and "hunter2" not in said


def test_a_host_that_is_not_known(tmp_path: Path) -> None:
    assert "host that is not known" in refusal("postgresql://u:hunter2@no-such-host.invalid/d", tmp_path)


@pytest.mark.postgres
def test_a_wrong_password_and_a_missing_database(postgres_cluster: Cluster, tmp_path: Path) -> None:
    said = refusal(postgres_cluster.url_over_tcp("postgres", "hunter2"), tmp_path)
    assert "refuses this user or password" in said and "hunter2" not in said
    assert "createdb" in refusal(postgres_cluster.url("nowhere"), tmp_path)
    open_database(postgres_cluster.url_over_tcp("postgres"), tmp_path).close()


@pytest.fixture
def severed(postgres_database: Database, postgres_cluster: Cluster) -> Iterator[Database]:
    """A database whose pooled connections the server has ended."""
    assert count(postgres_database) == 0
    name = postgres_database.engine.url.database
    postgres_cluster.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    yield postgres_database


@pytest.mark.postgres
def test_a_restarted_server_costs_nothing_between_sessions(severed: Database) -> None:
    assert count(severed) == 0


@pytest.mark.postgres
def test_a_connection_that_ends_within_a_session_is_told(
    postgres_database: Database, postgres_cluster: Cluster
) -> None:
    with pytest.raises(DatabaseUnavailable, match="connects again by itself"), postgres_database.session() as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        postgres_cluster.execute(f"SELECT pg_terminate_backend({pid})")
        session.add(audit("lost"))
    assert count(postgres_database) == 0


def test_an_incident_keeps_no_session_open(database: Database) -> None:
    with database.session() as session:
        incident = Incident(kind="fire", summary_zh="火", summary_en="Fire", opened_at=NOON, last_alert_at=NOON)
        session.add(incident)
    assert (incident.state, incident.version, incident.closed_at) == ("new", 1, None)
