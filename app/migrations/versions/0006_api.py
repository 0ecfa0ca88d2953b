"""What the API keeps: contacts as it knows them, segments, answers to repeated calls, who made a token."""

import sqlalchemy as sa
from alembic import op

from app.models.base import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    extend_contacts()
    create_segments()
    create_idempotency_keys()
    _create_partial_index(
        "ix_consents_opted_out", "consents", ["subscription_type_id", "contact_id"], "state = 'opted_out'"
    )
    op.add_column(
        "api_tokens", sa.Column("created_by", sa.String(length=64), nullable=False, server_default="command line")
    )
    op.add_column(
        "workspace", sa.Column("api_calls_per_minute", sa.Integer(), nullable=False, server_default=sa.text("10000"))
    )


def extend_contacts() -> None:
    """Columns are added in place: batch mode would copy the table."""
    for column in (
        sa.Column("avatar", sa.Text(), nullable=True),
        sa.Column("unsubscribed_from_emails", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("signed_up_at", UtcDateTime(), nullable=True),
        sa.Column("last_seen_at", UtcDateTime(), nullable=True),
        sa.Column("erased_at", UtcDateTime(), nullable=True),
    ):
        op.add_column("contacts", column)
    for name, target in (("owner_id", "agents"), ("merged_into_id", "contacts")):
        key = sa.ForeignKey(f"{target}.id", name=op.f(f"fk_contacts_{name}_{target}"))
        op.add_column("contacts", sa.Column(name, sa.Integer(), key, nullable=True), inline_references=True)
    op.create_index("ix_contacts_updated_at_id", "contacts", ["updated_at", "id"])
    _create_partial_index("ix_contacts_merged_into_id", "contacts", ["merged_into_id"], "merged_into_id IS NOT NULL")
    op.drop_index("ix_contacts_phone", "contacts")
    op.create_index(
        "ix_contacts_phone",
        "contacts",
        ["phone", "id"],
        postgresql_ops={"phone": "text_pattern_ops"},
        postgresql_where=sa.text("phone IS NOT NULL"),
    )


def create_segments() -> None:
    op.create_table(
        "segments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
        sa.UniqueConstraint("public_id", name=op.f("uq_segments_public_id")),
    )


def create_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["api_tokens.id"], name=op.f("fk_idempotency_keys_token_id_api_tokens")),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])


def _create_partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
