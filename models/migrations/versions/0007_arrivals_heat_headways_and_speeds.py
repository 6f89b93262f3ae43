"""arrivals, heat, headways and speeds."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_heat",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("camera_id", sa.String(length=48), nullable=False),
        sa.Column("family", sa.String(length=16), nullable=False),
        sa.Column("observed_seconds", sa.Double(), nullable=False),
        sa.Column("grid", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day", "camera_id", "family", name=op.f("pk_day_heat")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "day_passages",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("camera_id", sa.String(length=48), nullable=False),
        sa.Column("line_id", sa.String(length=48), nullable=False),
        sa.Column("object_class", sa.String(length=16), nullable=False),
        sa.Column("headway_sum", sa.Double(), nullable=False),
        sa.Column("speed_sum", sa.Double(), nullable=False),
        sa.Column("fastest", sa.Double(), nullable=False),
        sa.Column("headways", sa.LargeBinary(), nullable=False),
        sa.Column("speeds", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day", "camera_id", "line_id", "object_class", name=op.f("pk_day_passages")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("day_occupancy", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "arrivals",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                server_default=sa.text("0"),
                nullable=False,
            )
        )

    with op.batch_alter_table("hour_occupancy", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "arrivals",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                server_default=sa.text("0"),
                nullable=False,
            )
        )

    with op.batch_alter_table("minute_occupancy", schema=None) as batch_op:
        batch_op.add_column(sa.Column("arrivals", sa.Integer(), server_default=sa.text("0"), nullable=False))
