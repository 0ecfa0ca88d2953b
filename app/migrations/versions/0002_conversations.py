"""Conversations, their messages, and what the messenger is set to."""

import secrets

import sqlalchemy as sa
from alembic import op

from app.models.base import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    create_conversations()
    create_messages()
    create_marks()
    extend_forms()
    extend_workspace()


def create_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("assignee_id", sa.Integer(), nullable=True),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("last_message_number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("last_contact_revision", sa.Integer(), nullable=False),
        sa.Column("contact_seen_number", sa.Integer(), nullable=False),
        sa.Column("change_number", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'closed')", name=op.f("ck_conversations_state")),
        sa.ForeignKeyConstraint(["assignee_id"], ["agents.id"], name=op.f("fk_conversations_assignee_id_agents")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_conversations_contact_id_contacts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sqlite_autoincrement=True,
    )
    for columns in (
        ["state", "updated_at", "id"],
        ["contact_id", "id"],
        ["change_number"],
    ):
        op.create_index(f"ix_conversations_{'_'.join(columns)}", "conversations", columns)
    op.create_index("ix_conversations_state_assignee_id", "conversations", ["state", "assignee_id", "updated_at", "id"])


def create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("conversation_id", BIG_KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("inserted_form_id", BIG_KEY, nullable=True),
        sa.Column("client_key", sa.String(length=64), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('message', 'note', 'form', 'event')", name=op.f("ck_messages_kind")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_messages_conversation_id_conversations")
        ),
        sa.ForeignKeyConstraint(
            ["inserted_form_id"], ["inserted_forms.id"], name=op.f("fk_messages_inserted_form_id_inserted_forms")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("conversation_id", "number", name=op.f("uq_messages_conversation_id_number")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_conversation_id_revision", "messages", ["conversation_id", "revision"])
    _create_partial_index("ix_messages_client_key", ["conversation_id", "client_key"], "client_key IS NOT NULL")
    _create_partial_index("ix_messages_inserted_form_id", ["inserted_form_id"], "inserted_form_id IS NOT NULL")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE INDEX ix_messages_words ON messages USING gin (to_tsvector('simple', body))")
        op.execute(
            "CREATE INDEX ix_contacts_name_words ON contacts USING gin (to_tsvector('simple', name)) "
            "WHERE name IS NOT NULL"
        )


def create_marks() -> None:
    for table, column in (
        ("conversation_reads", sa.Column("revision", sa.Integer(), nullable=False)),
        ("conversation_presence", sa.Column("seen_at", UtcDateTime(), nullable=False)),
    ):
        op.create_table(
            table,
            sa.Column("conversation_id", BIG_KEY, nullable=False),
            sa.Column("agent_id", sa.Integer(), nullable=False),
            column,
            sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f(f"fk_{table}_agent_id_agents")),
            sa.ForeignKeyConstraint(
                ["conversation_id"], ["conversations.id"], name=op.f(f"fk_{table}_conversation_id_conversations")
            ),
            sa.PrimaryKeyConstraint("conversation_id", "agent_id", name=op.f(f"pk_{table}")),
        )


def extend_forms() -> None:
    """Columns are added in place: batch mode would copy the table and drop its triggers."""
    op.add_column("optin_forms", sa.Column("is_inline", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column(
        "inserted_forms",
        sa.Column(
            "conversation_id",
            BIG_KEY,
            sa.ForeignKey("conversations.id", name=op.f("fk_inserted_forms_conversation_id_conversations")),
            nullable=True,
        ),
        inline_references=True,
    )


def extend_workspace() -> None:
    for name, kind, standing in (
        ("messenger_key", sa.String(length=32), ""),
        ("messenger_secret", sa.String(length=64), ""),
        ("messenger_office_name", sa.String(length=120), ""),
        ("messenger_greeting", sa.JSON(), "{}"),
        ("messenger_accent_color", sa.String(length=7), "#0b6e4f"),
    ):
        op.add_column("workspace", sa.Column(name, kind, nullable=False, server_default=standing))
    made = sa.text("UPDATE workspace SET messenger_key = :key, messenger_secret = :secret")
    op.get_bind().execute(made, {"key": secrets.token_urlsafe(12), "secret": secrets.token_hex(32)})


def _create_partial_index(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "messages", columns, unique=True, sqlite_where=where, postgresql_where=where)
