"""known sources."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_sources",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("camera_id", sa.String(length=48), nullable=False),
        sa.Column("object_class", sa.String(length=16), nullable=False),
        sa.Column("left", sa.Double(), nullable=False),
        sa.Column("top", sa.Double(), nullable=False),
        sa.Column("right", sa.Double(), nullable=False),
        sa.Column("bottom", sa.Double(), nullable=False),
        sa.Column("look", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_known_sources_alert_id_alerts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_sources")),
        sa.UniqueConstraint("alert_id", name=op.f("uq_known_sources_alert_id")),
    )
    with op.batch_alter_table("known_sources", schema=None) as batch_op:
        batch_op.create_index("ix_known_sources_camera_id", ["camera_id"], unique=False)
