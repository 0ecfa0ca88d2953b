"""The first release: every table, and the triggers that refuse what must never change."""

import sqlalchemy as sa
from alembic import op

from app.models.base import BIG_KEY, UtcDateTime

revision = "0001_first_release"
down_revision = None
branch_labels = None
depends_on = None

# table, what is refused, condition on the old and new row or None for every row, message
REFUSED: tuple[tuple[str, str, str | None, str], ...] = (
    ("audit_entries", "UPDATE", None, "the audit log is append-only"),
    ("audit_entries", "DELETE", None, "the audit log is append-only"),
    ("consent_events", "UPDATE", None, "the ledger is append-only"),
    ("consent_events", "DELETE", None, "the ledger is append-only"),
    ("consent_evidence", "DELETE", None, "evidence is never deleted, only erased"),
    ("wordings", "UPDATE", None, "wordings never change"),
    ("wordings", "DELETE", None, "wordings are never deleted"),
    ("ledger_seals", "UPDATE", None, "seals never change"),
    ("ledger_seals", "DELETE", None, "seals are never deleted"),
    ("optin_form_versions", "UPDATE", None, "a form version is frozen"),
    ("optin_form_versions", "DELETE", None, "a form version is frozen"),
    ("optin_form_texts", "UPDATE", None, "a form version is frozen"),
    ("optin_form_texts", "DELETE", None, "a form version is frozen"),
    (
        "subscription_types",
        "UPDATE",
        "OLD.channel <> NEW.channel OR OLD.consent_type <> NEW.consent_type",
        "channel and consent type never change",
    ),
)
# On SQLite, INSERT OR REPLACE deletes the row in its way, and runs no trigger for that without recursive_triggers. The
# hidden ``rowid`` of a table without an integer key is a key as well.
# table, condition on a row that has the key of the new one, message
REFUSED_TO_REPLACE = (
    ("audit_entries", "id = NEW.id", "the audit log is append-only"),
    ("consent_events", "id = NEW.id", "the ledger is append-only"),
    ("consent_evidence", "event_id = NEW.event_id", "evidence never changes"),
    ("wordings", "(hash = NEW.hash OR rowid = NEW.rowid) AND body <> NEW.body", "wordings never change"),
    ("ledger_seals", "id = NEW.id", "seals never change"),
    (
        "optin_form_versions",
        "id = NEW.id OR (form_id = NEW.form_id AND number = NEW.number)",
        "a form version is frozen",
    ),
    (
        "optin_form_texts",
        "(version_id = NEW.version_id AND locale = NEW.locale) OR rowid = NEW.rowid",
        "a form version is frozen",
    ),
    (
        "subscription_types",
        "id = NEW.id AND (channel <> NEW.channel OR consent_type <> NEW.consent_type)",
        "channel and consent type never change",
    ),
)
NEVER_EMPTIED = (
    "audit_entries",
    "consent_events",
    "consent_evidence",
    "wordings",
    "ledger_seals",
    "optin_form_versions",
    "optin_form_texts",
)
# What erasure clears.
EVIDENCE_COLUMNS = (
    "destination",
    "ip_address",
    "user_agent",
    "origin",
    "page",
    "locale",
    "wording_hash",
    "note",
    "details",
    "salt",
)
SEARCHED = "kind IN ('message', 'note')"
MARKS = r"\u0300-\u036F\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7\u064B-\u065F\u0670"


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    create_tables()
    create_triggers(is_sqlite=is_sqlite)
    if is_sqlite:
        create_sqlite_search()
    else:
        create_postgresql_search()


def create_triggers(*, is_sqlite: bool) -> None:
    """Refusals in the database itself, against accidents. Tampering by the database's owner shows in the seals."""
    for table, operation, condition, message in (*REFUSED, _change_of_evidence()):
        (_sqlite_trigger if is_sqlite else _postgresql_trigger)(table, operation, condition, message)
    if is_sqlite:
        for table, same_key, message in REFUSED_TO_REPLACE:
            exists = f"EXISTS (SELECT 1 FROM {table} WHERE {same_key})"  # noqa: S608 - the constants above
            _sqlite_trigger(table, "INSERT", exists, message)
        return
    op.execute("ALTER TABLE consent_events ALTER recorded_xid SET DEFAULT pg_current_xact_id()::text::bigint")
    op.create_index("ix_consent_events_recorded_xid_id", "consent_events", ["recorded_xid", "id"])
    for table in NEVER_EMPTIED:
        _postgresql_truncate_trigger(table)


def _change_of_evidence() -> tuple[str, str, str, str]:
    """Evidence may be erased once; every other UPDATE is refused."""
    kept = " OR ".join(f"NEW.{column} IS NOT NULL" for column in EVIDENCE_COLUMNS)
    not_erased = f"OLD.erased_at IS NOT NULL OR NEW.erased_at IS NULL OR OLD.event_id <> NEW.event_id OR {kept}"
    return ("consent_evidence", "UPDATE", not_erased, "evidence never changes, it can only be erased")


def _sqlite_trigger(table: str, operation: str, condition: str | None, message: str) -> None:
    when = f" WHEN {condition}" if condition else ""
    op.execute(
        f"CREATE TRIGGER {table}_refuse_{operation.lower()} BEFORE {operation} ON {table}{when} "
        f"BEGIN SELECT RAISE(ABORT, '{table}: {message}'); END"
    )


def _postgresql_trigger(table: str, operation: str, condition: str | None, message: str) -> None:
    name = f"{table}_refuse_{operation.lower()}"
    _postgresql_function(name, table, message)
    when = f" WHEN ({condition})" if condition else ""
    op.execute(f"CREATE TRIGGER {name} BEFORE {operation} ON {table} FOR EACH ROW{when} EXECUTE FUNCTION {name}()")


def _postgresql_truncate_trigger(table: str) -> None:
    name = f"{table}_refuse_truncate"
    _postgresql_function(name, table, "never emptied")
    op.execute(f"CREATE TRIGGER {name} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}()")


def _postgresql_function(name: str, table: str, message: str) -> None:
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table}: {message}'; END $$"
    )


def create_postgresql_search() -> None:
    """Indexes of words without marks (``app/db/marks.py`` has the same for SQLite)."""
    op.execute(
        "CREATE FUNCTION without_marks(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT "
        "CASE WHEN octet_length($1) = char_length($1) THEN $1 ELSE translate(regexp_replace(normalize($1, NFKD), "
        rf"'[{MARKS}]', '', 'g'), 'ØøŁłĐđı', 'OoLlDdi') END $$"
    )
    op.execute("CREATE INDEX ix_messages_words ON messages USING gin (to_tsvector('simple', without_marks(body)))")
    op.execute(
        "CREATE INDEX ix_contacts_name_words ON contacts USING gin (to_tsvector('simple', without_marks(name))) "
        "WHERE name IS NOT NULL"
    )
    op.execute('CREATE INDEX ix_contacts_name_lower_id ON contacts (lower("left"(name, 200)), id)')
    op.execute('CREATE INDEX ix_contacts_phone_right_id ON contacts ("right"(phone, 4), id)')
    op.execute("CREATE INDEX ix_contacts_email_domain_id ON contacts (split_part(email, '@', 2), id)")


def create_sqlite_search() -> None:
    """An index of every three consecutive letters without marks, over the texts in their own table; triggers maintain
    it. ``app/db/engine.py`` gives each connection the function ``without_marks``.
    """
    op.execute("CREATE INDEX ix_contacts_name_nocase_id ON contacts (name COLLATE NOCASE, id)")
    op.execute("CREATE INDEX ix_contacts_phone_substr_id ON contacts (substr(phone, -4), id)")
    op.execute("CREATE INDEX ix_contacts_email_substr_id ON contacts (substr(email, instr(email, '@') + 1), id)")
    op.execute(
        "CREATE VIRTUAL TABLE message_search USING fts5"
        "(body, content='messages', content_rowid='id', tokenize='trigram')"
    )
    remove = (
        "INSERT INTO message_search (message_search, rowid, body) VALUES ('delete', old.id, without_marks(old.body));"
    )
    add = "INSERT INTO message_search (rowid, body) VALUES (new.id, without_marks(new.body));"
    for name, event, side, body in (
        ("insert", "INSERT", "new", add),
        ("update", "UPDATE OF body", "new", remove + add),
        ("delete", "DELETE", "old", remove),
    ):
        op.execute(
            f"CREATE TRIGGER messages_search_{name} AFTER {event} ON messages WHEN {side}.{SEARCHED} BEGIN {body} END"
        )


def create_tables() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("tf_primary_method", sa.String(length=64), nullable=True),
        sa.Column("tf_totp_secret", sa.Text(), nullable=True),
        sa.Column("mf_recovery_codes", sa.JSON(), nullable=True),
        sa.Column("invited_at", UtcDateTime(), nullable=True),
        sa.Column("last_sign_in_at", UtcDateTime(), nullable=True),
        sa.Column("mailed_about", sa.String(length=24), nullable=False),
        sa.Column("mailed_after_minutes", sa.Integer(), nullable=False),
        sa.Column("unassigned_change", sa.BigInteger(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("role IN ('admin', 'marketer', 'agent')", name=op.f("ck_agents_role")),
        sa.CheckConstraint(
            "mailed_about IN ('off', 'mine', 'mine_or_unassigned', 'all')", name=op.f("ck_agents_mailed_about")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
        sa.UniqueConstraint("email", name=op.f("uq_agents_email")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_agents_fs_uniquifier")),
    )
    op.create_table(
        "agent_sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("ip_address", sa.String(length=64), nullable=True),
        sa.Column("user_agent", sa.String(length=256), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_agent_sessions_agent_id_agents")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_agent_sessions_token_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_agent_sessions_agent_id"), "agent_sessions", ["agent_id"])
    op.create_index(op.f("ix_agent_sessions_created_at"), "agent_sessions", ["created_at"])
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_entries_subject_id", "audit_entries", ["subject", "id"])
    op.create_table(
        "ledger_heads",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seal_id", sa.Integer(), nullable=False),
        sa.Column("head", sa.JSON(), nullable=False),
        sa.Column("way", sa.String(length=16), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_heads")),
    )
    op.create_table(
        "ledger_seals",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("ids", sa.JSON(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=True),
        sa.Column("last_id", sa.BigInteger(), nullable=True),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.Column("restore", sa.JSON(), nullable=True),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", UtcDateTime(), nullable=False),
        sa.Column("up_to_xid", sa.BigInteger(), nullable=True),
        sa.Column("up_to_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_seals")),
    )
    op.create_index("ix_ledger_seals_last_id", "ledger_seals", ["last_id"])
    op.create_table(
        "ledger_verifications",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("requested_by", sa.String(length=64), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_verifications")),
    )
    op.create_table(
        "number_facts",
        sa.Column("phone_hash", sa.String(length=32), nullable=False),
        sa.Column("undeliverable_at", UtcDateTime(), nullable=True),
        sa.Column("reassigned_at", UtcDateTime(), nullable=True),
        sa.Column("last_verified_at", UtcDateTime(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("unreachable_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("phone_hash", name=op.f("pk_number_facts")),
    )
    op.create_index(
        "ix_number_facts_reassigned",
        "number_facts",
        ["phone_hash", "reassigned_at"],
        sqlite_where=sa.text("reassigned_at IS NOT NULL"),
        postgresql_where=sa.text("reassigned_at IS NOT NULL"),
    )
    op.create_index(
        "ix_number_facts_undeliverable",
        "number_facts",
        ["phone_hash"],
        sqlite_where=sa.text("undeliverable_at IS NOT NULL"),
        postgresql_where=sa.text("undeliverable_at IS NOT NULL"),
    )
    op.create_table(
        "optin_forms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("allowed_origins", sa.JSON(), nullable=False),
        sa.Column("is_inline", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_optin_forms")),
        sa.UniqueConstraint("key", name=op.f("uq_optin_forms_key")),
    )
    op.create_table(
        "saved_replies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("form_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["form_id"], ["optin_forms.id"], name=op.f("fk_saved_replies_form_id_optin_forms")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_replies")),
    )
    op.create_table(
        "failures",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=254), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=300), nullable=False),
        sa.CheckConstraint("kind IN ('job', 'mail')", name=op.f("ck_failures_kind")),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_failures")),
    )
    op.create_index("ix_failures_last_at", "failures", ["last_at"])
    op.create_table(
        "outbox_events",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("routed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_outbox_events_routed_at",
        "outbox_events",
        ["routed_at"],
        sqlite_where=sa.text("routed_at IS NOT NULL"),
        postgresql_where=sa.text("routed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_outbox_events_unrouted",
        "outbox_events",
        ["id"],
        sqlite_where=sa.text("routed_at IS NULL"),
        postgresql_where=sa.text("routed_at IS NULL"),
    )
    op.create_table(
        "rate_counters",
        sa.Column("bucket", sa.String(length=48), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "window", "shard", name=op.f("pk_rate_counters")),
    )
    op.create_index(op.f("ix_rate_counters_expires_at"), "rate_counters", ["expires_at"])
    op.create_table(
        "segments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("contacts_count", sa.Integer(), nullable=True),
        sa.Column("counted_at", UtcDateTime(), nullable=True),
        sa.Column("count_claimed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
        sa.UniqueConstraint("public_id", name=op.f("uq_segments_public_id")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=True),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "subscription_types",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("consent_type", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("live_at", UtcDateTime(), nullable=True),
        sa.Column("welcome", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("welcome_text", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.Column("preference_form_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("channel IN ('sms', 'email')", name=op.f("ck_subscription_types_channel")),
        sa.CheckConstraint("consent_type IN ('opt_in', 'opt_out')", name=op.f("ck_subscription_types_consent_type")),
        sa.CheckConstraint("state IN ('draft', 'live', 'archived')", name=op.f("ck_subscription_types_state")),
        sa.ForeignKeyConstraint(
            ["preference_form_id"],
            ["optin_forms.id"],
            name=op.f("fk_subscription_types_preference_form_id_optin_forms"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_types")),
    )
    op.create_table(
        "suppressions",
        sa.Column("phone_hash", sa.String(length=32), nullable=False),
        sa.Column("phone", sa.String(length=16), nullable=True),
        sa.Column("cause", sa.String(length=24), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "cause IN ('keyword', 'preference_center', 'carrier', 'manual', 'review')",
            name=op.f("ck_suppressions_cause"),
        ),
        sa.PrimaryKeyConstraint("phone_hash", name=op.f("pk_suppressions")),
    )
    op.create_index("ix_suppressions_cause_phone_hash", "suppressions", ["cause", "phone_hash"])
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary(), nullable=True),
        sa.Column("previous_secret_until", UtcDateTime(), nullable=True),
        sa.Column("has_hub_signature", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(length=16), nullable=True),
        sa.Column("disabled_at", UtcDateTime(), nullable=True),
        sa.Column("enabled_at", UtcDateTime(), nullable=False),
        sa.Column("consecutive_failures", sa.Integer(), nullable=False),
        sa.Column("paused_until", UtcDateTime(), nullable=True),
        sa.Column("last_success_at", UtcDateTime(), nullable=True),
        sa.Column("last_failure_at", UtcDateTime(), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("disabled_reason IN ('manual', 'gone')", name=op.f("ck_webhook_endpoints_disabled_reason")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_table(
        "webhook_messages",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("public_id", sa.String(length=48), nullable=False),
        sa.Column("event_id", BIG_KEY, nullable=True),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_messages")),
        sa.UniqueConstraint("event_id", name=op.f("uq_webhook_messages_event_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_webhook_messages_public_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_webhook_messages_contact_id", "webhook_messages", ["contact_id"])
    op.create_index("ix_webhook_messages_created_at", "webhook_messages", ["created_at"])
    op.create_table(
        "wordings",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_wordings")),
    )
    op.create_table(
        "workspace",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("default_country", sa.String(length=2), nullable=True),
        sa.Column("allowed_countries", sa.JSON(), nullable=False),
        sa.Column("allowed_origins", sa.JSON(), nullable=False),
        sa.Column("privacy_url", sa.Text(), nullable=False),
        sa.Column("terms_url", sa.Text(), nullable=False),
        sa.Column("help_contact", sa.Text(), nullable=False),
        sa.Column("controller_name", sa.String(length=120), server_default="", nullable=False),
        sa.Column("controller_address", sa.Text(), server_default="", nullable=False),
        sa.Column("controller_contact", sa.Text(), server_default="", nullable=False),
        sa.Column("jurisdiction", sa.Text(), server_default="", nullable=False),
        sa.Column("storage_location", sa.Text(), server_default="", nullable=False),
        sa.Column("purpose", sa.Text(), server_default="", nullable=False),
        sa.Column("recipients", sa.JSON(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("accent_color", sa.String(length=7), server_default=sa.text("'#0b6e4f'"), nullable=False),
        sa.Column("submissions_per_address", sa.Integer(), nullable=False),
        sa.Column("submissions_per_number", sa.Integer(), nullable=False),
        sa.Column("api_calls_per_minute", sa.Integer(), server_default=sa.text("10000"), nullable=False),
        sa.Column("agents_write_legal_text", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("erasure_requests", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("erasure_due_days", sa.Integer(), server_default=sa.text("30"), nullable=False),
        sa.Column("evidence_retention_years", sa.Integer(), server_default=sa.text("5"), nullable=False),
        sa.Column("messenger_key", sa.String(length=32), nullable=False),
        sa.Column("messenger_secret", sa.String(length=64), nullable=False),
        sa.Column("messenger_office_name", sa.String(length=120), nullable=False),
        sa.Column("messenger_greeting", sa.JSON(), nullable=False),
        sa.Column("messenger_accent_color", sa.String(length=7), nullable=False),
        sa.Column("number_rules", sa.Text(), nullable=True),
        sa.Column("clock_noted_at", UtcDateTime(), nullable=True),
        sa.Column("clock_steady_since", UtcDateTime(), nullable=True),
        sa.Column("unpurged_erasure_at", UtcDateTime(), nullable=True),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("logo", sa.LargeBinary(), nullable=True),
        sa.Column("logo_type", sa.String(length=40), nullable=True),
        sa.Column("logo_hash", sa.String(length=16), nullable=True),
        sa.Column("key_check", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("sending_stopped_at", UtcDateTime(), nullable=True),
        sa.Column("stop_scope", sa.String(length=12), server_default=sa.text("'all_sms'"), nullable=False),
        sa.Column("quiet_hours", sa.JSON(), nullable=True),
        sa.Column("frequency_cap", sa.JSON(), nullable=True),
        sa.Column("texts_per_second", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("approval_above", sa.Integer(), nullable=True),
        sa.Column("currency", sa.String(length=3), server_default=sa.text("'USD'"), nullable=False),
        sa.Column("text_prices", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("confirmation_limits", sa.JSON(), nullable=True),
        sa.Column("previous_messenger_secret", sa.String(length=64), nullable=True),
        sa.Column("previous_secret_ends_at", UtcDateTime(), nullable=True),
        sa.Column("site_subscription_type_id", sa.Integer(), nullable=True),
        sa.Column("office_hours", sa.JSON(), nullable=True),
        sa.Column("bot_pause_hours", sa.Integer(), server_default=sa.text("24"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_workspace_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
    )
    op.create_table(
        "contacts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=24), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("lead_key", sa.String(length=64), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("email_hash", sa.String(length=32), nullable=True),
        sa.Column("phone", sa.String(length=64), nullable=True),
        sa.Column("phone_hash", sa.String(length=32), nullable=True),
        sa.Column("former_phone_hashes", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("phone_country", sa.String(length=2), nullable=True),
        sa.Column("gdpr_optin", sa.Boolean(), nullable=True),
        sa.Column("sms_block", sa.String(length=32), nullable=True),
        sa.Column("locale", sa.String(length=16), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("custom_attributes", sa.JSON(), nullable=False),
        sa.Column("avatar", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("unsubscribed_from_emails", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("signed_up_at", UtcDateTime(), nullable=True),
        sa.Column("last_seen_at", UtcDateTime(), nullable=True),
        sa.Column("merged_into_id", sa.Integer(), nullable=True),
        sa.Column("erased_at", UtcDateTime(), nullable=True),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.Column("blocked_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("role IN ('user', 'lead')", name=op.f("ck_contacts_role")),
        sa.ForeignKeyConstraint(["merged_into_id"], ["contacts.id"], name=op.f("fk_contacts_merged_into_id_contacts")),
        sa.ForeignKeyConstraint(["owner_id"], ["agents.id"], name=op.f("fk_contacts_owner_id_agents")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("external_id", name=op.f("uq_contacts_external_id")),
        sa.UniqueConstraint("lead_key", name=op.f("uq_contacts_lead_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_contacts_public_id")),
    )
    op.create_index("ix_contacts_created_at_id", "contacts", ["created_at", "id"])
    op.create_index(
        "ix_contacts_email",
        "contacts",
        ["email"],
        postgresql_ops={"email": "text_pattern_ops"},
        postgresql_where=sa.text("email IS NOT NULL"),
    )
    op.create_index(
        "ix_contacts_former_numbers",
        "contacts",
        ["id"],
        sqlite_where=sa.text("former_phone_hashes IS NOT NULL"),
        postgresql_where=sa.text("former_phone_hashes IS NOT NULL"),
    )
    op.create_index("ix_contacts_last_seen_at_id", "contacts", ["last_seen_at", "id"])
    op.create_index(
        "ix_contacts_merged_into_id",
        "contacts",
        ["merged_into_id"],
        sqlite_where=sa.text("merged_into_id IS NOT NULL"),
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
    )
    op.create_index(
        "ix_contacts_phone",
        "contacts",
        ["phone", "id"],
        postgresql_ops={"phone": "text_pattern_ops"},
        postgresql_where=sa.text("phone IS NOT NULL"),
    )
    op.create_index(
        "ix_contacts_phone_hash", "contacts", ["phone_hash"], postgresql_where=sa.text("phone_hash IS NOT NULL")
    )
    op.create_index("ix_contacts_phone_country_id", "contacts", ["phone_country", "id"])
    op.create_index(
        "ix_contacts_out_of_reach",
        "contacts",
        ["id"],
        sqlite_where=sa.text("sms_block IS NOT NULL OR archived_at IS NOT NULL"),
        postgresql_where=sa.text("sms_block IS NOT NULL OR archived_at IS NOT NULL"),
    )
    op.create_index("ix_contacts_updated_at_id", "contacts", ["updated_at", "id"])
    op.create_table(
        "erasure_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.Column("resolution", sa.String(length=8), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("resolution IN ('erased', 'refused')", name=op.f("ck_erasure_requests_resolution")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_erasure_requests_contact_id_contacts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_requests")),
    )
    op.create_index("ix_erasure_requests_contact_id", "erasure_requests", ["contact_id"])
    op.create_index(
        "ix_erasure_requests_open",
        "erasure_requests",
        ["contact_id"],
        unique=True,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "preference_links",
        sa.Column("token", sa.String(length=16), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=24), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("level IN ('personal_link', 'web_unverified')", name=op.f("ck_preference_links_level")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_preference_links_contact_id_contacts")),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_preference_links")),
    )
    op.create_index(
        "ix_preference_links_contact_id_level_issued_at", "preference_links", ["contact_id", "level", "issued_at"]
    )
    op.create_table(
        "form_daily_counts",
        sa.Column("form_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("inserted", sa.Integer(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("submitted", sa.Integer(), nullable=False),
        sa.Column("signed_up", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["form_id"], ["optin_forms.id"], name=op.f("fk_form_daily_counts_form_id_optin_forms")),
        sa.PrimaryKeyConstraint("form_id", "day", "locale", "shard", name=op.f("pk_form_daily_counts")),
    )
    op.create_table(
        "subscription_daily_counts",
        sa.Column("subscription_type_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("opted_in", sa.Integer(), nullable=False),
        sa.Column("opted_out", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_subscription_daily_counts_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint("subscription_type_id", "day", name=op.f("pk_subscription_daily_counts")),
    )
    op.create_table(
        "subscription_reach",
        sa.Column("subscription_type_id", sa.Integer(), nullable=False),
        sa.Column("opted_in", sa.Integer(), nullable=False),
        sa.Column("opted_out", sa.Integer(), nullable=False),
        sa.Column("reachable", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.Column("counted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_subscription_reach_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint("subscription_type_id", name=op.f("pk_subscription_reach")),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("subjects", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["api_tokens.id"], name=op.f("fk_idempotency_keys_token_id_api_tokens")),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])
    op.create_table(
        "optin_form_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("form_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("subscription_type_id", sa.Integer(), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("accent_color", sa.String(length=7), nullable=False),
        sa.Column("default_country", sa.String(length=2), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("verify_number", sa.String(length=8), server_default=sa.text("'off'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["form_id"], ["optin_forms.id"], name=op.f("fk_optin_form_versions_form_id_optin_forms")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_optin_form_versions_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_optin_form_versions")),
        sa.UniqueConstraint("form_id", "number", name=op.f("uq_optin_form_versions_form_id_number")),
    )
    op.create_index(
        op.f("ix_optin_form_versions_subscription_type_id"), "optin_form_versions", ["subscription_type_id"]
    )
    op.create_table(
        "subscription_type_translations",
        sa.Column("subscription_type_id", sa.Integer(), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_subscription_type_translations_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint("subscription_type_id", "locale", name=op.f("pk_subscription_type_translations")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("endpoint_id", sa.Integer(), nullable=False),
        sa.Column("message_id", BIG_KEY, nullable=False),
        sa.Column("ordering_key", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("earlier_attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("give_up_at", UtcDateTime(), nullable=False),
        sa.Column("lease_id", sa.String(length=16), nullable=True),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.Column("first_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("last_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.Column("last_request_headers", sa.JSON(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_answer_headers", sa.JSON(), nullable=True),
        sa.Column("last_answer", sa.Text(), nullable=True),
        sa.Column("last_problem", sa.Text(), nullable=True),
        sa.Column("last_duration_ms", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name=op.f("ck_webhook_deliveries_state")),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoints.id"], name=op.f("fk_webhook_deliveries_endpoint_id_webhook_endpoints")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["webhook_messages.id"], name=op.f("fk_webhook_deliveries_message_id_webhook_messages")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_webhook_deliveries_created_at", "webhook_deliveries", ["created_at"])
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["endpoint_id", "next_attempt_at", "id"],
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index("ix_webhook_deliveries_endpoint_id_id", "webhook_deliveries", ["endpoint_id", "id"])
    op.create_index("ix_webhook_deliveries_endpoint_id_state_id", "webhook_deliveries", ["endpoint_id", "state", "id"])
    op.create_index("ix_webhook_deliveries_message_id", "webhook_deliveries", ["message_id"])
    op.create_index(
        "ix_webhook_deliveries_ordering_key",
        "webhook_deliveries",
        ["endpoint_id", "ordering_key", "id"],
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "consent_events",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("subscription_type_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("evidence_level", sa.String(length=24), nullable=False),
        sa.Column("destination_hash", sa.String(length=32), nullable=True),
        sa.Column("form_version_id", sa.Integer(), nullable=True),
        sa.Column("inserted_form_id", BIG_KEY, nullable=True),
        sa.Column("evidence_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("is_persons_word", sa.Boolean(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_xid", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "action = 'opt_in' OR action = 'opt_out' OR action = 'claim' OR action = 'suppress' OR "
            "action = 'lift' OR action = 'number_change' OR action = 'gdpr_off' OR action = 'gdpr_on' OR "
            "action = 'merge' OR action = 'erase'",
            name=op.f("ck_consent_events_action"),
        ),
        sa.CheckConstraint(
            "evidence_level = 'reported' OR evidence_level = 'import' OR "
            "evidence_level = 'web_unverified' OR evidence_level = 'personal_link' OR "
            "evidence_level = 'signed_identity' OR evidence_level = 'otp' OR evidence_level = 'mo_reply'",
            name=op.f("ck_consent_events_evidence_level"),
        ),
        sa.CheckConstraint(
            "source = 'form' OR source = 'preference_center' OR source = 'keyword' OR "
            "source = 'agent' OR source = 'api' OR source = 'import' OR source = 'bulk' OR "
            "source = 'site' OR source = 'messenger' OR source = 'connector' OR source = 'carrier' OR "
            "source = 'verification' OR source = 'system'",
            name=op.f("ck_consent_events_source"),
        ),
        sa.ForeignKeyConstraint(
            ["form_version_id"],
            ["optin_form_versions.id"],
            name=op.f("fk_consent_events_form_version_id_optin_form_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_consent_events_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_consent_events_contact_id_id", "consent_events", ["contact_id", "id"])
    op.create_index("ix_consent_events_destination_hash_id", "consent_events", ["destination_hash", "id"])
    op.create_index("ix_consent_events_inserted_form_id", "consent_events", ["inserted_form_id"])
    op.create_table(
        "conversations",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=12), server_default=sa.text("'messenger'"), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("assignee_id", sa.Integer(), nullable=True),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("last_message_number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("last_contact_revision", sa.Integer(), nullable=False),
        sa.Column("contact_seen_number", sa.Integer(), nullable=False),
        sa.Column("change_number", sa.BigInteger(), nullable=False),
        sa.Column("client_key", sa.String(length=64), nullable=True),
        sa.Column("custom_attributes", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state = 'open' OR state = 'closed' OR state = 'outbound'", name=op.f("ck_conversations_state")
        ),
        sa.CheckConstraint("channel IN ('messenger', 'sms')", name=op.f("ck_conversations_channel")),
        sa.ForeignKeyConstraint(["assignee_id"], ["agents.id"], name=op.f("fk_conversations_assignee_id_agents")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_conversations_contact_id_contacts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_conversations_change_number", "conversations", ["change_number"])
    op.create_index(
        "ix_conversations_client_key",
        "conversations",
        ["contact_id", "client_key"],
        unique=True,
        sqlite_where=sa.text("client_key IS NOT NULL"),
        postgresql_where=sa.text("client_key IS NOT NULL"),
    )
    op.create_index("ix_conversations_contact_id_id", "conversations", ["contact_id", "id"])
    op.create_index("ix_conversations_state_assignee_id", "conversations", ["state", "assignee_id", "updated_at", "id"])
    op.create_index("ix_conversations_updated_at_id", "conversations", ["updated_at", "id"])
    op.create_index("ix_conversations_state_updated_at_id", "conversations", ["state", "updated_at", "id"])
    op.create_table(
        "tags",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("name_key", sa.String(length=240), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tags")),
        sa.UniqueConstraint("name_key", name=op.f("uq_tags_name_key")),
    )
    op.create_table(
        "contact_tags",
        sa.Column("tag_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_contact_tags_contact_id_contacts")),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name=op.f("fk_contact_tags_tag_id_tags")),
        sa.PrimaryKeyConstraint("tag_id", "contact_id", name=op.f("pk_contact_tags")),
    )
    op.create_index("ix_contact_tags_contact_id_tag_id", "contact_tags", ["contact_id", "tag_id"])
    op.create_table(
        "contact_notes",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_contact_notes_agent_id_agents")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_contact_notes_contact_id_contacts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_notes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_contact_notes_contact_id_id", "contact_notes", ["contact_id", "id"])
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
    op.create_index(op.f("ix_messenger_tokens_contact_id"), "messenger_tokens", ["contact_id"])
    op.create_index(op.f("ix_messenger_tokens_ended_at"), "messenger_tokens", ["ended_at"])
    op.create_index(op.f("ix_messenger_tokens_last_used_at"), "messenger_tokens", ["last_used_at"])
    op.create_table(
        "snippet_origins",
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("script", sa.String(length=12), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "script", name=op.f("pk_snippet_origins")),
    )
    op.create_table(
        "optin_form_texts",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("button_text", sa.Text(), nullable=False),
        sa.Column("legal_text", sa.Text(), nullable=False),
        sa.Column("success_text", sa.Text(), nullable=False),
        sa.Column("checkbox_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["optin_form_versions.id"], name=op.f("fk_optin_form_texts_version_id_optin_form_versions")
        ),
        sa.PrimaryKeyConstraint("version_id", "locale", name=op.f("pk_optin_form_texts")),
    )
    op.create_table(
        "consent_evidence",
        sa.Column("event_id", BIG_KEY, nullable=False),
        sa.Column("destination", sa.String(length=254), nullable=True),
        sa.Column("ip_address", sa.String(length=64), nullable=True),
        sa.Column("user_agent", sa.String(length=512), nullable=True),
        sa.Column("origin", sa.String(length=255), nullable=True),
        sa.Column("page", sa.Text(), nullable=True),
        sa.Column("locale", sa.String(length=8), nullable=True),
        sa.Column("wording_hash", sa.String(length=64), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("erased_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["event_id"], ["consent_events.id"], name=op.f("fk_consent_evidence_event_id_consent_events")
        ),
        sa.ForeignKeyConstraint(
            ["wording_hash"], ["wordings.hash"], name=op.f("fk_consent_evidence_wording_hash_wordings")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_consent_evidence")),
    )
    op.create_table(
        "consents",
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("subscription_type_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("destination", sa.String(length=254), nullable=True),
        sa.Column("destination_hash", sa.String(length=32), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("event_id", BIG_KEY, nullable=False),
        sa.CheckConstraint("state IN ('opted_in', 'opted_out')", name=op.f("ck_consents_state")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_consents_contact_id_contacts")),
        sa.ForeignKeyConstraint(["event_id"], ["consent_events.id"], name=op.f("fk_consents_event_id_consent_events")),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_consents_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint("contact_id", "subscription_type_id", name=op.f("pk_consents")),
    )
    op.create_index(
        "ix_consents_opted_in",
        "consents",
        ["subscription_type_id", "contact_id", "destination_hash"],
        sqlite_where=sa.text("state = 'opted_in'"),
        postgresql_where=sa.text("state = 'opted_in'"),
    )
    op.create_index(
        "ix_consents_opted_out",
        "consents",
        ["subscription_type_id", "contact_id"],
        sqlite_where=sa.text("state = 'opted_out'"),
        postgresql_where=sa.text("state = 'opted_out'"),
    )
    op.create_table(
        "agent_notices",
        sa.Column("conversation_id", BIG_KEY, nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_agent_notices_agent_id_agents")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_agent_notices_conversation_id_conversations")
        ),
        sa.PrimaryKeyConstraint("conversation_id", "agent_id", "number", name=op.f("pk_agent_notices")),
    )
    op.create_index("ix_agent_notices_claimed_at", "agent_notices", ["claimed_at"])
    op.create_table(
        "conversation_presence",
        sa.Column("conversation_id", BIG_KEY, nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_conversation_presence_agent_id_agents")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_conversation_presence_conversation_id_conversations"),
        ),
        sa.PrimaryKeyConstraint("conversation_id", "agent_id", name=op.f("pk_conversation_presence")),
    )
    op.create_table(
        "conversation_reads",
        sa.Column("conversation_id", BIG_KEY, nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_conversation_reads_agent_id_agents")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_conversation_reads_conversation_id_conversations")
        ),
        sa.PrimaryKeyConstraint("conversation_id", "agent_id", name=op.f("pk_conversation_reads")),
    )
    op.create_table(
        "destination_opt_outs",
        sa.Column("subscription_type_id", sa.Integer(), nullable=False),
        sa.Column("destination_hash", sa.String(length=32), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("event_id", BIG_KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["consent_events.id"], name=op.f("fk_destination_opt_outs_event_id_consent_events")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_destination_opt_outs_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint(
            "subscription_type_id", "destination_hash", "contact_id", name=op.f("pk_destination_opt_outs")
        ),
    )
    op.create_index("ix_destination_opt_outs_contact_id", "destination_opt_outs", ["contact_id"])
    op.create_table(
        "inserted_forms",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("form_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("conversation_id", BIG_KEY, nullable=True),
        sa.Column("inserted_by", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=True),
        sa.Column("submitted_destination_hash", sa.String(length=32), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=True),
        sa.Column("confirming_at", UtcDateTime(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("undone_at", UtcDateTime(), nullable=True),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_inserted_forms_contact_id_contacts")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_inserted_forms_conversation_id_conversations")
        ),
        sa.ForeignKeyConstraint(["form_id"], ["optin_forms.id"], name=op.f("fk_inserted_forms_form_id_optin_forms")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["optin_form_versions.id"], name=op.f("fk_inserted_forms_version_id_optin_form_versions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inserted_forms")),
        sa.UniqueConstraint("token", name=op.f("uq_inserted_forms_token")),
    )
    op.create_index(
        "ix_inserted_forms_answered",
        "inserted_forms",
        ["form_id", "answered_at"],
        sqlite_where=sa.text("answered_at IS NOT NULL"),
        postgresql_where=sa.text("answered_at IS NOT NULL"),
    )
    op.create_index("ix_inserted_forms_contact_id_id", "inserted_forms", ["contact_id", "id"])
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
    op.create_index(
        "ix_messages_client_key",
        "messages",
        ["conversation_id", "client_key"],
        unique=True,
        sqlite_where=sa.text("client_key IS NOT NULL"),
        postgresql_where=sa.text("client_key IS NOT NULL"),
    )
    op.create_index("ix_messages_conversation_id_revision", "messages", ["conversation_id", "revision"])
    op.create_index(
        "ix_messages_inserted_form_id",
        "messages",
        ["inserted_form_id"],
        unique=True,
        sqlite_where=sa.text("inserted_form_id IS NOT NULL"),
        postgresql_where=sa.text("inserted_form_id IS NOT NULL"),
    )
    create_bulk_tables()
    create_sending_tables()


def create_bulk_tables() -> None:
    op.create_table(
        "bulk_jobs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("is_reading", sa.Boolean(), nullable=False),
        sa.Column("subscription_type_id", sa.Integer(), nullable=True),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("position", sa.JSON(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.JSON(), nullable=False),
        sa.Column("undo", sa.JSON(), nullable=True),
        sa.Column("is_cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("claimed_by", sa.String(length=32), nullable=True),
        sa.Column("claimed_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=255), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('subscribe', 'unsubscribe', 'tag', 'untag', 'archive', 'import_check', 'import', "
            "'export', 'count')",
            name=op.f("ck_bulk_jobs_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'queued', 'running', 'done', 'canceled', 'undoing', 'undone', 'failed')",
            name=op.f("ck_bulk_jobs_state"),
        ),
        sa.CheckConstraint("done >= 0 AND changed >= 0 AND unchanged >= 0", name=op.f("ck_bulk_jobs_counts")),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_bulk_jobs_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_jobs")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_bulk_jobs_unfinished",
        "bulk_jobs",
        ["id"],
        sqlite_where=sa.text("state IN ('queued', 'running', 'undoing')"),
        postgresql_where=sa.text("state IN ('queued', 'running', 'undoing')"),
    )
    op.create_table(
        "bulk_job_items",
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("undo_outcome", sa.String(length=32), nullable=True),
        sa.Column("undo_event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_bulk_job_items_contact_id_contacts")),
        sa.ForeignKeyConstraint(["job_id"], ["bulk_jobs.id"], name=op.f("fk_bulk_job_items_job_id_bulk_jobs")),
        sa.PrimaryKeyConstraint("job_id", "contact_id", name=op.f("pk_bulk_job_items")),
    )
    op.create_index(
        "ix_bulk_job_items_details",
        "bulk_job_items",
        ["contact_id"],
        sqlite_where=sa.text("details IS NOT NULL"),
        postgresql_where=sa.text("details IS NOT NULL"),
    )
    op.create_index("ix_bulk_job_items_outcome", "bulk_job_items", ["job_id", "outcome", "contact_id"])
    op.create_index(
        "ix_bulk_job_items_undo_outcome",
        "bulk_job_items",
        ["job_id", "undo_outcome", "contact_id"],
        sqlite_where=sa.text("undo_outcome IS NOT NULL"),
        postgresql_where=sa.text("undo_outcome IS NOT NULL"),
    )
    op.create_table(
        "job_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("size_bytes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("slices", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("purpose IN ('upload', 'result')", name=op.f("ck_job_files_purpose")),
        sa.ForeignKeyConstraint(["job_id"], ["bulk_jobs.id"], name=op.f("fk_job_files_job_id_bulk_jobs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_files")),
    )
    op.create_index("ix_job_files_created_at", "job_files", ["created_at"])
    op.create_index("ix_job_files_job_id", "job_files", ["job_id"])
    op.create_table(
        "job_file_slices",
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["job_files.id"], name=op.f("fk_job_file_slices_file_id_job_files")),
        sa.PrimaryKeyConstraint("file_id", "position", name=op.f("pk_job_file_slices")),
    )


def create_sending_tables() -> None:
    op.create_table(
        "consent_pushes",
        sa.Column("phone_hash", sa.String(length=32), nullable=False),
        sa.Column("phone", sa.String(length=16), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=24), nullable=False),
        sa.Column("said_at", UtcDateTime(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=255), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("pushed_at", UtcDateTime(), nullable=True),
        sa.Column("failed_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("status IN ('opted_in', 'opted_out')", name=op.f("ck_consent_pushes_status")),
        sa.PrimaryKeyConstraint("phone_hash", name=op.f("pk_consent_pushes")),
    )
    op.create_index(
        "ix_consent_pushes_due",
        "consent_pushes",
        ["priority", "due_at"],
        sqlite_where=sa.text("pushed_at IS NULL AND failed_at IS NULL"),
        postgresql_where=sa.text("pushed_at IS NULL AND failed_at IS NULL"),
    )
    op.create_table(
        "sms_daily_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "country", "purpose", "outcome", name=op.f("pk_sms_daily_counts")),
    )
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("subscription_type_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("opt_out_text", sa.String(length=8), nullable=False),
        sa.Column("query", sa.JSON(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("pause_reason", sa.String(length=32), nullable=True),
        sa.Column("state_before_pause", sa.String(length=12), nullable=True),
        sa.Column("send_at", UtcDateTime(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("eligible", sa.Integer(), nullable=False),
        sa.Column("excluded", sa.JSON(), nullable=False),
        sa.Column("price_ceiling_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("spent_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("approved_at", UtcDateTime(), nullable=True),
        sa.Column("claimed_by", sa.String(length=32), nullable=True),
        sa.Column("claimed_at", UtcDateTime(), nullable=True),
        sa.Column("settled_to", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("edited_by", sa.String(length=64), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("opt_out_text IN ('link', 'reply', 'both')", name=op.f("ck_campaigns_opt_out_text")),
        sa.CheckConstraint(
            "state IN ('draft', 'scheduled', 'expanding', 'sending', 'paused', 'sent', 'canceled')",
            name=op.f("ck_campaigns_state"),
        ),
        sa.CheckConstraint("total >= 0 AND eligible >= 0", name=op.f("ck_campaigns_counts")),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_campaigns_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_campaigns_active",
        "campaigns",
        ["state", "send_at"],
        sqlite_where=sa.text("state IN ('scheduled', 'expanding', 'sending') OR settled_to IS NOT NULL"),
        postgresql_where=sa.text("state IN ('scheduled', 'expanding', 'sending') OR settled_to IS NOT NULL"),
    )
    op.create_index("ix_campaigns_created_at_id", "campaigns", ["created_at", "id"])
    op.create_table(
        "short_links",
        sa.Column("token", sa.String(length=16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_short_links_campaign_id_campaigns")),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_short_links")),
    )
    op.create_index("ix_short_links_campaign_id", "short_links", ["campaign_id"])
    op.create_table(
        "sms_messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("purpose", sa.String(length=12), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("subscription_type_id", sa.Integer(), nullable=True),
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.Column("conversation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("message_number", sa.Integer(), nullable=True),
        sa.Column("phone", sa.String(length=16), nullable=True),
        sa.Column("phone_hash", sa.String(length=32), nullable=False),
        sa.Column("phone_country", sa.String(length=2), nullable=True),
        sa.Column("sender", sa.String(length=64), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("encoding", sa.String(length=8), nullable=True),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("keyword", sa.String(length=12), nullable=True),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.Column("gateway", sa.String(length=16), nullable=True),
        sa.Column("gateway_id", sa.String(length=64), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(length=32), nullable=True),
        sa.Column("claimed_at", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("direction IN ('inbound', 'outbound')", name=op.f("ck_sms_messages_direction")),
        sa.CheckConstraint(
            "purpose IN ('campaign', 'message', 'test', 'welcome', 'reply', "
            "'code', 'confirm', 'stopped', 'started', 'scope', 'help')",
            name=op.f("ck_sms_messages_purpose"),
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'delivered', 'failed', 'unknown', 'skipped', 'canceled', "
            "'received')",
            name=op.f("ck_sms_messages_state"),
        ),
        sa.CheckConstraint("segments >= 0 AND attempts >= 0", name=op.f("ck_sms_messages_counts")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_sms_messages_campaign_id_campaigns")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_sms_messages_contact_id_contacts")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_sms_messages_conversation_id_conversations")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_sms_messages_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_messages")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_sms_messages_campaign_id_phone_hash",
        "sms_messages",
        ["campaign_id", "phone_hash"],
        unique=True,
        sqlite_where=sa.text("campaign_id IS NOT NULL"),
        postgresql_where=sa.text("campaign_id IS NOT NULL"),
    )
    op.create_index(
        "ix_sms_messages_campaign_due",
        "sms_messages",
        ["campaign_id", "due_at", "id"],
        sqlite_where=sa.text("state = 'queued' AND priority >= 2"),
        postgresql_where=sa.text("state = 'queued' AND priority >= 2"),
    )
    op.create_index("ix_sms_messages_contact_id_id", "sms_messages", ["contact_id", "id"])
    op.create_index(
        "ix_sms_messages_due",
        "sms_messages",
        ["priority", "due_at", "id"],
        sqlite_where=sa.text("state = 'queued' AND priority < 2"),
        postgresql_where=sa.text("state = 'queued' AND priority < 2"),
    )
    op.create_index(
        "ix_sms_messages_gateway_id",
        "sms_messages",
        ["gateway", "direction", "gateway_id"],
        unique=True,
        sqlite_where=sa.text("gateway_id IS NOT NULL"),
        postgresql_where=sa.text("gateway_id IS NOT NULL"),
    )
    op.create_index(
        "ix_sms_messages_conversation_id",
        "sms_messages",
        ["conversation_id", "message_number"],
        sqlite_where=sa.text("conversation_id IS NOT NULL"),
        postgresql_where=sa.text("conversation_id IS NOT NULL"),
    )
    op.create_index("ix_sms_messages_phone_hash_created_at", "sms_messages", ["phone_hash", "created_at"])
    op.create_index(
        "ix_sms_messages_sending",
        "sms_messages",
        ["claimed_at"],
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        "ix_sms_messages_unknown",
        "sms_messages",
        ["id"],
        sqlite_where=sa.text("state = 'unknown'"),
        postgresql_where=sa.text("state = 'unknown'"),
    )
    op.create_table(
        "campaign_recipients",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("sms_message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("rule", sa.String(length=64), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('queued', 'deferred', 'sent', 'delivered', 'failed', 'unknown', 'skipped', 'canceled')",
            name=op.f("ck_campaign_recipients_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_recipients_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_campaign_recipients_contact_id_contacts")
        ),
        sa.ForeignKeyConstraint(
            ["sms_message_id"], ["sms_messages.id"], name=op.f("fk_campaign_recipients_sms_message_id_sms_messages")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "contact_id", name=op.f("pk_campaign_recipients")),
    )
    op.create_index("ix_campaign_recipients_contact_id", "campaign_recipients", ["contact_id"])
    op.create_index(
        "ix_campaign_recipients_outcome", "campaign_recipients", ["campaign_id", "outcome", "reason", "contact_id"]
    )
    op.create_index("ix_campaign_recipients_sms_message_id", "campaign_recipients", ["sms_message_id"])
    op.create_table(
        "confirmations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("subscription_type_id", sa.Integer(), nullable=False),
        sa.Column("inserted_form_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("phone", sa.String(length=16), nullable=True),
        sa.Column("phone_hash", sa.String(length=32), nullable=False),
        sa.Column("phone_country", sa.String(length=2), nullable=True),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("nonce", sa.String(length=16), nullable=True),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("next_send_at", UtcDateTime(), nullable=True),
        sa.Column("spent_micros", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=True),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("method IN ('off', 'code', 'reply', 'sms_link')", name=op.f("ck_confirmations_method")),
        sa.CheckConstraint(
            "state IN ('pending', 'confirmed', 'expired', 'failed', 'canceled')", name=op.f("ck_confirmations_state")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_confirmations_contact_id_contacts")),
        sa.ForeignKeyConstraint(
            ["inserted_form_id"], ["inserted_forms.id"], name=op.f("fk_confirmations_inserted_form_id_inserted_forms")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_confirmations_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmations")),
        sa.UniqueConstraint("nonce", name=op.f("uq_confirmations_nonce")),
        sa.UniqueConstraint("token", name=op.f("uq_confirmations_token")),
    )
    op.create_index("ix_confirmations_contact_id", "confirmations", ["contact_id"])
    op.create_index("ix_confirmations_created_at", "confirmations", ["created_at"])
    op.create_index(
        "ix_confirmations_contact_pending",
        "confirmations",
        ["contact_id", "subscription_type_id"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_confirmations_inserted_form_id", "confirmations", ["inserted_form_id"])
    op.create_index(
        "ix_confirmations_pending",
        "confirmations",
        ["phone_hash"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "stopped_consents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sms_message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("phone_hash", sa.String(length=32), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("subscription_type_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state_before", sa.String(length=16), nullable=False),
        sa.Column("stopped_at", UtcDateTime(), nullable=False),
        sa.Column("restored_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_stopped_consents_contact_id_contacts")),
        sa.ForeignKeyConstraint(
            ["sms_message_id"], ["sms_messages.id"], name=op.f("fk_stopped_consents_sms_message_id_sms_messages")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_stopped_consents_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stopped_consents")),
    )
    op.create_index("ix_stopped_consents_contact_id", "stopped_consents", ["contact_id"])
    op.create_index("ix_stopped_consents_phone_hash", "stopped_consents", ["phone_hash"])
    op.create_table(
        "site_samples",
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("shape", sa.JSON(), nullable=False),
        sa.Column("views", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "path", name=op.f("pk_site_samples")),
    )
    op.create_index(op.f("ix_site_samples_last_seen_at"), "site_samples", ["last_seen_at"])
    op.create_table(
        "site_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "kind", "reason", name=op.f("pk_site_counts")),
    )
    op.create_table(
        "site_claims",
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_site_claims_contact_id_contacts")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_site_claims")),
    )
    op.create_index(op.f("ix_site_claims_claimed_at"), "site_claims", ["claimed_at"])
    op.create_table(
        "bot_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("trigger", sa.String(length=8), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("page", sa.String(length=300), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("is_signed_in", sa.Boolean(), nullable=True),
        sa.Column("not_asked_type_id", sa.Integer(), nullable=True),
        sa.Column("segment_id", sa.Integer(), nullable=True),
        sa.Column("hours", sa.String(length=8), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("form_id", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("hours IN ('always', 'inside', 'outside')", name=op.f("ck_bot_rules_hours")),
        sa.CheckConstraint("trigger IN ('open', 'page', 'words')", name=op.f("ck_bot_rules_trigger")),
        sa.ForeignKeyConstraint(["form_id"], ["optin_forms.id"], name=op.f("fk_bot_rules_form_id_optin_forms")),
        sa.ForeignKeyConstraint(
            ["not_asked_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_bot_rules_not_asked_type_id_subscription_types"),
        ),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name=op.f("fk_bot_rules_segment_id_segments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bot_rules")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "bot_greetings",
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("greeted_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_bot_greetings_contact_id_contacts")),
        sa.ForeignKeyConstraint(["rule_id"], ["bot_rules.id"], name=op.f("fk_bot_greetings_rule_id_bot_rules")),
        sa.PrimaryKeyConstraint("rule_id", "contact_id", name=op.f("pk_bot_greetings")),
    )
    op.create_index("ix_bot_greetings_contact_id", "bot_greetings", ["contact_id", "greeted_at"])
    op.create_table(
        "outbound_chats",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("form_id", sa.Integer(), nullable=True),
        sa.Column("query", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("send_at", UtcDateTime(), nullable=True),
        sa.Column("ends_at", UtcDateTime(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("eligible", sa.Integer(), nullable=False),
        sa.Column("excluded", sa.JSON(), nullable=False),
        sa.Column("claimed_by", sa.String(length=32), nullable=True),
        sa.Column("claimed_at", UtcDateTime(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("edited_by", sa.String(length=64), nullable=True),
        sa.Column("stop_reason", sa.String(length=32), nullable=True),
        sa.Column("is_withdrawing", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'scheduled', 'expanding', 'active', 'stopped', 'ended')",
            name=op.f("ck_outbound_chats_state"),
        ),
        sa.ForeignKeyConstraint(["form_id"], ["optin_forms.id"], name=op.f("fk_outbound_chats_form_id_optin_forms")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound_chats")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_outbound_chats_running",
        "outbound_chats",
        ["state", "send_at"],
        sqlite_where=sa.text("state IN ('scheduled', 'expanding', 'active')"),
        postgresql_where=sa.text("state IN ('scheduled', 'expanding', 'active')"),
    )
    op.create_table(
        "outbound_chat_recipients",
        sa.Column("outbound_chat_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("conversation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("message_number", sa.Integer(), nullable=True),
        sa.Column("inserted_form_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('waiting', 'delivered', 'skipped', 'stopped')",
            name=op.f("ck_outbound_chat_recipients_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_outbound_chat_recipients_contact_id_contacts")
        ),
        sa.ForeignKeyConstraint(
            ["inserted_form_id"],
            ["inserted_forms.id"],
            name=op.f("fk_outbound_chat_recipients_inserted_form_id_inserted_forms"),
        ),
        sa.ForeignKeyConstraint(
            ["outbound_chat_id"],
            ["outbound_chats.id"],
            name=op.f("fk_outbound_chat_recipients_outbound_chat_id_outbound_chats"),
        ),
        sa.PrimaryKeyConstraint("outbound_chat_id", "contact_id", name=op.f("pk_outbound_chat_recipients")),
    )
    op.create_index("ix_outbound_chat_recipients_contact_id", "outbound_chat_recipients", ["contact_id"])
    op.create_index("ix_outbound_chat_recipients_inserted_form_id", "outbound_chat_recipients", ["inserted_form_id"])
    op.create_index(
        "ix_outbound_chat_recipients_outcome",
        "outbound_chat_recipients",
        ["outbound_chat_id", "outcome", "reason", "contact_id"],
    )
    op.create_index(
        "ix_outbound_chat_recipients_waiting",
        "outbound_chat_recipients",
        ["contact_id"],
        sqlite_where=sa.text("outcome = 'waiting'"),
        postgresql_where=sa.text("outcome = 'waiting'"),
    )
