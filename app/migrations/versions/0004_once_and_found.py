"""What is begun twice stands once; tokens that are of no use any more are found; SQLite finds words in messages."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SEARCHED = "kind IN ('message', 'note')"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("client_key", sa.String(length=64), nullable=True))
    where = sa.text("client_key IS NOT NULL")
    op.create_index(
        "ix_conversations_client_key",
        "conversations",
        ["contact_id", "client_key"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )
    for column in ("last_used_at", "ended_at"):
        op.create_index(f"ix_messenger_tokens_{column}", "messenger_tokens", [column])
    if op.get_bind().dialect.name == "sqlite":
        create_search()


def create_search() -> None:
    """An index of every three letters that stand together, over the texts where they are; triggers keep it."""
    op.execute(
        "CREATE VIRTUAL TABLE message_search USING fts5"
        "(body, content='messages', content_rowid='id', tokenize='trigram')"
    )
    op.execute(f"INSERT INTO message_search (rowid, body) SELECT id, body FROM messages WHERE {SEARCHED}")  # noqa: S608
    gone = "INSERT INTO message_search (message_search, rowid, body) VALUES ('delete', old.id, old.body);"
    come = "INSERT INTO message_search (rowid, body) VALUES (new.id, new.body);"
    for name, event, side, body in (
        ("insert", "INSERT", "new", come),
        ("update", "UPDATE OF body", "new", gone + come),
        ("delete", "DELETE", "old", gone),
    ):
        op.execute(
            f"CREATE TRIGGER messages_search_{name} AFTER {event} ON messages WHEN {side}.{SEARCHED} BEGIN {body} END"
        )
