"""The tokens of the messenger's anonymous visitors."""

import sqlalchemy as sa
from alembic import op

from app.models.base import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "messenger_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_messenger_tokens_contact_id_contacts")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_messenger_tokens")),
    )
    op.create_index("ix_messenger_tokens_contact_id", "messenger_tokens", ["contact_id"])
