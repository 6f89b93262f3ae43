"""footfall rollups."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_crossings",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("camera_id", sa.String(length=48), nullable=False),
        sa.Column("line_id", sa.String(length=48), nullable=False),
        sa.Column("object_class", sa.String(length=16), nullable=False),
        sa.Column("crossed_in", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("crossed_out", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("observed_seconds", sa.Double(), nullable=False),
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day", "camera_id", "line_id", "object_class", name=op.f("pk_day_crossings")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "day_occupancy",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("camera_id", sa.String(length=48), nullable=False),
        sa.Column("zone_id", sa.String(length=48), nullable=False),
        sa.Column("object_class", sa.String(length=16), nullable=False),
        sa.Column("least", sa.Integer(), nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("observed_seconds", sa.Double(), nullable=False),
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day", "camera_id", "zone_id", "object_class", name=op.f("pk_day_occupancy")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hour_crossings",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("camera_id", sa.String(length=48), nullable=False),
        sa.Column("line_id", sa.String(length=48), nullable=False),
        sa.Column("object_class", sa.String(length=16), nullable=False),
        sa.Column("crossed_in", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("crossed_out", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("observed_seconds", sa.Double(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "camera_id", "line_id", "object_class", name=op.f("pk_hour_crossings")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hour_occupancy",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("camera_id", sa.String(length=48), nullable=False),
        sa.Column("zone_id", sa.String(length=48), nullable=False),
        sa.Column("object_class", sa.String(length=16), nullable=False),
        sa.Column("least", sa.Integer(), nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("observed_seconds", sa.Double(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "camera_id", "zone_id", "object_class", name=op.f("pk_hour_occupancy")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rollup_marks",
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("level", "start", name=op.f("pk_rollup_marks")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rollup_state",
        sa.Column("name", sa.String(length=48), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rollup_state")),
    )
