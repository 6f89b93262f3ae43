"""day stays."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_stays",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("camera_id", sa.String(length=48), nullable=False),
        sa.Column("zone_id", sa.String(length=48), nullable=False),
        sa.Column("object_class", sa.String(length=16), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("longest_seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("day", "camera_id", "zone_id", "object_class", name=op.f("pk_day_stays")),
        sqlite_with_rowid=False,
    )
