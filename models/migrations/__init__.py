"""Changes of the tables' shape, one file each in `versions/`, applied in order by `models.migrate.migrate`.

How to change the tables:
1. Edit `models/tables.py`.
2. `python -m models.migrations new "what changes"` compares the tables with the migrations and writes
   `versions/NNNN_what_changes.py`.
3. Read that file and correct it: Alembic does not see renames, and rows that exist need a value for a new column that
   may not be null (`server_default`, or an UPDATE in between).
4. `python -m models.migrations check` says whether tables and migrations agree (a test does, too).

Rules: a migration that was released is never edited; it imports nothing of ours, since our code moves on; there is no
way back down but a backup. `batch_alter_table` is how SQLite alters a table. Foreign keys are off on SQLite meanwhile,
and checked before the commit.
"""
