"""Minute rows in the database: written again, after a restart, by a thousand cameras; on SQLite and PostgreSQL."""

from sqlalchemy import select

from configs.words import CameraId, LineId, ObjectClass, ZoneId
from flow.store import MinuteStore
from flow.words import CrossingRow, MinuteRows, OccupancyRow
from models.session import Database
from models.tables import MinuteCrossing, MinuteOccupancy

PERSON = ObjectClass.PERSON
CAMERA, LINE, ZONE = CameraId("gate"), LineId("line"), ZoneId("zone")


def rows(run: str, came: int, seconds: float, mean: float = 1.0, minute: int = 6000) -> MinuteRows:
    return MinuteRows(
        CAMERA,
        run,
        (CrossingRow(CAMERA, LINE, PERSON, minute, came, 2 * came, seconds),),
        (OccupancyRow(CAMERA, ZONE, PERSON, minute, int(mean), mean, int(mean) + 1, seconds),),
    )


def write(database: Database, store: MinuteStore, *batch: MinuteRows) -> None:
    with database.engine.begin() as connection:
        store.write(connection, batch)


def stored(database: Database) -> list[tuple[int, int, float, int, float, int]]:
    crossing, occupancy = MinuteCrossing, MinuteOccupancy
    with database.engine.connect() as connection:
        query = (
            select(
                crossing.crossed_in,
                crossing.crossed_out,
                crossing.observed_seconds,
                occupancy.least,
                occupancy.mean,
                occupancy.most,
            )
            .join(occupancy, occupancy.minute == crossing.minute)
            .order_by(crossing.minute)
        )
        return [tuple(row) for row in connection.execute(query)]


def test_a_minute_that_grows_is_replaced_and_written_again_it_stays(database: Database) -> None:
    store = MinuteStore()
    for came, seconds in [(1, 10.0), (3, 40.0), (3, 40.0)]:
        write(database, store, rows("run", came, seconds))
    assert stored(database) == [(3, 6, 40.0, 1, 1.0, 2)]


def test_a_restart_within_the_minute_neither_loses_nor_doubles(database: Database) -> None:
    write(database, MinuteStore(), rows("before", 3, 20.0, mean=1.0))
    after = MinuteStore()
    for came, seconds in [(1, 10.0), (4, 30.0), (4, 30.0)]:
        write(database, after, rows("after", came, seconds, mean=3.0))
    assert stored(database) == [(7, 14, 50.0, 1, 2.2, 4)]


def test_another_run_in_the_same_process_is_added_too(database: Database) -> None:
    store = MinuteStore()
    write(database, store, rows("one", 3, 20.0))
    write(database, store, rows("two", 4, 20.0))
    assert stored(database)[0][0] == 7


def test_a_write_that_was_rolled_back_may_be_repeated(database: Database) -> None:
    store = MinuteStore()
    with database.engine.connect() as connection:
        store.write(connection, [rows("run", 5, 30.0)])
        connection.rollback()
    write(database, store, rows("run", 5, 30.0))
    assert stored(database)[0][:3] == (5, 10, 30.0)


def test_no_minute_is_longer_than_a_minute(database: Database) -> None:
    write(database, MinuteStore(), rows("before", 1, 50.0))
    write(database, MinuteStore(), rows("after", 1, 50.0))
    assert stored(database)[0][2] == 60.0


def test_memory_of_what_was_written_does_not_grow(database: Database) -> None:
    store = MinuteStore()
    for minute in range(0, 6000, 60):
        write(database, store, rows("run", 1, 60.0, minute=minute))
    assert len(stored(database)) == 100
    assert store.held <= 50
