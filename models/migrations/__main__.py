"""`python -m models.migrations`: write a new migration, or check that tables and migrations agree."""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from sqlalchemy import Connection

from models import tables
from models.migrate import config_for, due_after, migrate
from models.session import Database, open_database


def differences(connection: Connection) -> list[object]:
    """What Alembic would change to bring the database of `connection` to the tables of the code."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, tables.metadata))


def write_new(database: Database, message: str) -> None:
    """Write the next migration from what the tables have and a migrated `database` has not."""
    number = f"{len(due_after(None)) + 1:04d}"
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:40]
    with database.engine.connect() as connection:
        config = config_for(connection)
        config.set_main_option("file_template", f"%%(rev)s_{slug}")
        written = command.revision(config, message=message, autogenerate=True, rev_id=number)
    assert isinstance(written, Script)
    path = Path(written.path)
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.strip().startswith("# ###")]
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    for step in (["check", "--select", "I", "--fix"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *step, "--quiet", str(path)], check=False)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m models.migrations", description="Changes of the tables' shape.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    new = verbs.add_parser("new", help="write a migration from what changed in models/tables.py")
    new.add_argument("message", help="what changes, in a few words")
    verbs.add_parser("check", help="say whether tables and migrations agree")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(None, Path(folder))
        migrate(database)
        try:
            with database.engine.connect() as connection:
                missing = differences(connection)
            if given.verb == "new" and missing:
                write_new(database, given.message)
            elif missing:
                print("\n".join(f"not in any migration: {change}" for change in missing), file=sys.stderr)
                return 1
            else:
                print("Tables and migrations agree.")
        finally:
            database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
