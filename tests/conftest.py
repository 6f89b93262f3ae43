"""Fixtures that every room's tests share: migrated databases, and the development footage.

`database` runs a test on SQLite and again on PostgreSQL; `sqlite_database` and `postgres_database` give one of them.
Each test has a database of its own, copied from one that was migrated once.
"""

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from models.address import FILE_NAME
from models.migrate import migrate
from models.session import Database, open_database
from tests.support.postgres import Cluster, PostgresMissing, start_cluster

# How fast a busy machine is says nothing about the code.
settings.register_profile("no wall clock", deadline=None)
settings.load_profile("no wall clock")

#: Rooms whose tests hold real processes of others against the clock: cameras, browsers, shards that are killed.
_AGAINST_THE_CLOCK = ("ingest", "live", "runtime", "village")
_numbers = itertools.count(1)
_PROJECT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On a machine that stood still for a moment, such a test gets one second chance; which and why is told at the end,
    to be mended: no test relies on it."""
    for item in items:
        room = item.path.relative_to(_PROJECT / "tests").parts[0]
        if room in _AGAINST_THE_CLOCK or any(map(item.get_closest_marker, ("browser", "gstreamer"))):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What failed once is told even if it passed then."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"second chance: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and no rows, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    database = open_database(None, folder)
    migrate(database)
    database.close()
    return folder / FILE_NAME


@pytest.fixture
def sqlite_database(migrated_sqlite_file: Path, tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty SQLite database of the default kind, under the test's `tmp_path / "data"`."""
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    shutil.copy(migrated_sqlite_file, folder / FILE_NAME)
    database = open_database(None, folder)
    yield database
    database.close()


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A throw-away PostgreSQL server; skips where none is installed."""
    try:
        cluster = start_cluster()
    except PostgresMissing as reason:
        pytest.skip(str(reason))
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def migrated_postgres_template(postgres_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a PostgreSQL database with all tables and no rows, to be copied."""
    name = "migrated_template"
    postgres_cluster.execute(f"CREATE DATABASE {name}")
    database = open_database(postgres_cluster.url(name), tmp_path_factory.mktemp("unused"))
    migrate(database)
    database.close()
    return name


@pytest.fixture
def empty_postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """The address of a PostgreSQL database without any tables."""
    name = f"test_{next(_numbers)}"
    postgres_cluster.execute(f"CREATE DATABASE {name}")
    yield postgres_cluster.url(name)
    postgres_cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_database(postgres_cluster: Cluster, migrated_postgres_template: str, tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty PostgreSQL database. Mark the test `postgres`."""
    name = f"test_{next(_numbers)}"
    postgres_cluster.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_postgres_template}")
    database = open_database(postgres_cluster.url(name), tmp_path)
    yield database
    database.close()
    postgres_cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Database:
    """A migrated, empty database: the test runs once on each kind."""
    found = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(found, Database)
    return found


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of development footage and weights; skips where it is missing. Mark the test `shared_data`."""
    folder = Path(os.environ.get("VBRAIN_SHARED_DATA") or _PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no development data in {folder}; set VBRAIN_SHARED_DATA to where it is")
    return folder
