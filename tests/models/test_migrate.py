"""Migrations: they and the tables agree, they run once whoever starts, and they refuse what they do not know."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from models import migrate as migrating
from models import tables
from models.errors import DatabaseTooNew, DatabaseUnavailable
from models.migrate import due_after, migrate
from models.migrations.__main__ import differences
from models.session import Database, open_database
from models.tables import LoginSession, User


def in_child(work: Callable[[], int]) -> int:
    """Start `work` in a process of its own, and give the process's id. It must open the database anew."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            status = work()
        finally:
            os._exit(status)
    return child


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Where a database without tables is or can be made; empty for the default file."""
    return str(request.getfixturevalue("empty_postgres_url")) if request.param == "postgres" else ""


def test_tables_and_migrations_agree(database: Database) -> None:
    with database.engine.connect() as connection:
        assert differences(connection) == [], 'run: python -m models.migrations new "what changes"'


def test_a_second_run_does_nothing(empty_url: str, tmp_path: Path) -> None:
    database = open_database(empty_url, tmp_path)
    assert migrate(database) == due_after(None)
    assert migrate(database) == []
    assert set(inspect(database.engine).get_table_names()) == {*tables.metadata.tables, "alembic_version"}
    database.close()


def test_processes_that_start_together_take_turns(empty_url: str, tmp_path: Path) -> None:
    wait, go = os.pipe()

    def work() -> int:
        os.read(wait, 1)
        return len(migrate(open_database(empty_url, tmp_path)))

    children = [in_child(work) for _ in range(4)]
    os.write(go, b"1234")
    assert sorted(ended(child) for child in children) == [0, 0, 0, len(due_after(None))]
    os.close(wait)
    os.close(go)


def test_a_newer_database_is_refused_untouched(database: Database) -> None:
    with database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match=r"newer version .* 9999.* Update the program"):
        migrate(database)
    with database.reading() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


def test_tables_of_somebody_else_are_left_alone(empty_url: str, tmp_path: Path) -> None:
    database = open_database(empty_url, tmp_path)
    with database.session() as session:
        session.execute(text("CREATE TABLE users (name TEXT)"))
    with pytest.raises(DatabaseUnavailable, match="another program"):
        migrate(database)
    assert inspect(database.engine).get_table_names() == ["users"]
    database.close()


@pytest.fixture
def with_a_second_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a migration after ours, its body given, into a copy of the migrations' folder that `migrate` then uses."""

    def add(body: str) -> None:
        folder = tmp_path / "100% migrations"  # a name that an ini file would stumble over
        (folder / "versions").mkdir(parents=True)
        source = Path(migrating.__file__).with_name("migrations")
        for path in [source / "env.py", *(source / "versions").glob("0*.py")]:
            (folder / path.relative_to(source)).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        head = f"revision = '9000'\ndown_revision = {due_after(None)[-1]!r}\n"
        whole = f"import sqlalchemy as sa\nfrom alembic import op\n{head}def upgrade():\n    {body}\n"
        (folder / "versions" / "9000_next.py").write_text(whole, encoding="utf-8")
        monkeypatch.setattr(migrating, "_FOLDER", folder)

    return add


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(
    database: Database, with_a_second_migration: Callable[[str], None]
) -> None:
    with database.session() as session:
        user = User(username="wang", display_name="Wang", password_hash="x", role="operator")
        session.add(user)
        session.flush()
        session.add(LoginSession(token_hash="0" * 64, user_id=user.id, expires_at=datetime(2030, 1, 1, tzinfo=UTC)))
    with_a_second_migration("with op.batch_alter_table('users') as b: b.drop_column('display_name')")
    assert migrate(database) == ["9000"]
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM login_sessions")) == 1
    assert "display_name" not in {column["name"] for column in inspect(database.engine).get_columns("users")}


def test_a_migration_that_fails_leaves_everything_as_it_was(
    database: Database, with_a_second_migration: Callable[[str], None]
) -> None:
    with_a_second_migration("op.create_table('half', sa.Column('id', sa.Integer())); raise RuntimeError('stop')")
    with pytest.raises(RuntimeError, match="stop"):
        migrate(database)
    assert "half" not in inspect(database.engine).get_table_names()
    with database.reading() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) != "9000"


def test_a_process_killed_within_a_migration_leaves_everything_as_it_was(
    database: Database, with_a_second_migration: Callable[[str], None]
) -> None:
    with_a_second_migration(
        f"op.create_table('half', sa.Column('id', sa.Integer())); import os; os.kill(os.getpid(), {signal.SIGKILL:d})"
    )
    url = database.engine.url.render_as_string(hide_password=False)
    child = in_child(lambda: len(migrate(open_database(url, Path("unused")))))
    assert ended(child) == -signal.SIGKILL
    assert "half" not in inspect(database.engine).get_table_names()
    with database.session() as session:  # and the lock went with the process
        assert session.scalar(text("SELECT version_num FROM alembic_version")) != "9000"


def test_rows_left_without_what_they_refer_to_stop_a_migration_on_sqlite(
    sqlite_database: Database, with_a_second_migration: Callable[[str], None]
) -> None:
    with sqlite_database.session() as session:
        user = User(username="wang", display_name="Wang", password_hash="x", role="operator")
        session.add(user)
        session.flush()
        session.add(LoginSession(token_hash="0" * 64, user_id=user.id, expires_at=datetime(2030, 1, 1, tzinfo=UTC)))
    with_a_second_migration("op.execute('DELETE FROM users')")
    with pytest.raises(DatabaseUnavailable, match="login_sessions"):
        migrate(sqlite_database)
    with sqlite_database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM users")) == 1


def test_the_command_says_whether_tables_and_migrations_agree() -> None:
    command = [sys.executable, "-m", "models.migrations", "check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "Tables and migrations agree."), done.stderr
