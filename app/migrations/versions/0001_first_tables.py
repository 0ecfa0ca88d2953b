"""The first tables, and the triggers that keep what must never change."""

import sqlalchemy as sa
from alembic import op

from app.models.base import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# (table, what is refused, condition on the old and new row or None for every row, what the database then says)
REFUSED = (
    ("consent_events", "DELETE", None, "the ledger is append-only"),
    ("consent_evidence", "UPDATE", None, "evidence never changes"),
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
# Everything in a ledger line but the two that the sealer fills, once.
LEDGER_COLUMNS = (
    "id",
    "contact_id",
    "subscription_type_id",
    "action",
    "source",
    "actor",
    "evidence_level",
    "destination_hash",
    "form_version_id",
    "inserted_form_id",
    "occurred_at",
    "recorded_at",
    "recorded_xid",
)


def upgrade() -> None:
    create_tables()
    create_triggers()


def create_triggers() -> None:
    """Refusals in the database itself, against accidents; tampering by an owner of the database is what seals show."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    distinct = "IS NOT" if is_sqlite else "IS DISTINCT FROM"
    resealed = "OLD.leaf IS NOT NULL OR OLD.seal_id IS NOT NULL OR NEW.leaf IS NULL OR NEW.seal_id IS NULL"
    changed = " OR ".join(f"OLD.{column} {distinct} NEW.{column}" for column in LEDGER_COLUMNS)
    refused = (*REFUSED, ("consent_events", "UPDATE", f"{resealed} OR {changed}", "the ledger is append-only"))
    for table, operation, condition, says in refused:
        (_sqlite_trigger if is_sqlite else _postgresql_trigger)(table, operation, condition, says)
    if not is_sqlite:
        op.execute("ALTER TABLE consent_events ALTER recorded_xid SET DEFAULT pg_current_xact_id()::text::bigint")
        for table in ("consent_events", "wordings", "ledger_seals", "optin_form_versions", "optin_form_texts"):
            _postgresql_truncate_trigger(table)


def _sqlite_trigger(table: str, operation: str, condition: str | None, says: str) -> None:
    when = f" WHEN {condition}" if condition else ""
    op.execute(
        f"CREATE TRIGGER {table}_refuse_{operation.lower()} BEFORE {operation} ON {table}{when} "
        f"BEGIN SELECT RAISE(ABORT, '{table}: {says}'); END"
    )


def _postgresql_trigger(table: str, operation: str, condition: str | None, says: str) -> None:
    name = f"{table}_refuse_{operation.lower()}"
    _postgresql_function(name, table, says)
    when = f" WHEN ({condition})" if condition else ""
    op.execute(f"CREATE TRIGGER {name} BEFORE {operation} ON {table} FOR EACH ROW{when} EXECUTE FUNCTION {name}()")


def _postgresql_truncate_trigger(table: str) -> None:
    name = f"{table}_refuse_truncate"
    _postgresql_function(name, table, "never emptied")
    op.execute(f"CREATE TRIGGER {name} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}()")


def _postgresql_function(name: str, table: str, says: str) -> None:
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table}: {says}'; END $$"
    )


def create_tables() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("tf_primary_method", sa.String(length=64), nullable=True),
        sa.Column("tf_totp_secret", sa.Text(), nullable=True),
        sa.Column("mf_recovery_codes", sa.JSON(), nullable=True),
        sa.Column("invited_at", UtcDateTime(), nullable=True),
        sa.Column("last_sign_in_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("role IN ('admin', 'agent')", name=op.f("ck_agents_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
        sa.UniqueConstraint("email", name=op.f("uq_agents_email")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_agents_fs_uniquifier")),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_entries_subject_id", "audit_entries", ["subject", "id"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=24), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("lead_key", sa.String(length=64), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=64), nullable=True),
        sa.Column("phone_hash", sa.String(length=32), nullable=True),
        sa.Column("phone_country", sa.String(length=2), nullable=True),
        sa.Column("gdpr_optin", sa.Boolean(), nullable=True),
        sa.Column("sms_block", sa.String(length=32), nullable=True),
        sa.Column("locale", sa.String(length=16), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("custom_attributes", sa.JSON(), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.Column("blocked_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("role IN ('user', 'lead')", name=op.f("ck_contacts_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("external_id", name=op.f("uq_contacts_external_id")),
        sa.UniqueConstraint("lead_key", name=op.f("uq_contacts_lead_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_contacts_public_id")),
    )
    op.create_index("ix_contacts_created_at_id", "contacts", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_contacts_email", "contacts", ["email"], unique=False, postgresql_where=sa.text("email IS NOT NULL")
    )
    op.create_index(
        "ix_contacts_phone", "contacts", ["phone"], unique=False, postgresql_where=sa.text("phone IS NOT NULL")
    )
    op.create_index(
        "ix_contacts_phone_hash",
        "contacts",
        ["phone_hash"],
        unique=False,
        postgresql_where=sa.text("phone_hash IS NOT NULL"),
    )
    op.create_table(
        "ledger_seals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_seals")),
    )
    op.create_table(
        "optin_forms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("allowed_origins", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_optin_forms")),
        sa.UniqueConstraint("key", name=op.f("uq_optin_forms_key")),
    )
    op.create_table(
        "outbox_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("routed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_events_routed_at", "outbox_events", ["routed_at"], unique=False)
    op.create_index(
        "ix_outbox_events_unrouted",
        "outbox_events",
        ["id"],
        unique=False,
        sqlite_where=sa.text("routed_at IS NULL"),
        postgresql_where=sa.text("routed_at IS NULL"),
    )
    op.create_table(
        "rate_counters",
        sa.Column("bucket", sa.String(length=48), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "window", name=op.f("pk_rate_counters")),
    )
    op.create_index(op.f("ix_rate_counters_expires_at"), "rate_counters", ["expires_at"], unique=False)
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
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("channel IN ('sms', 'email')", name=op.f("ck_subscription_types_channel")),
        sa.CheckConstraint("consent_type IN ('opt_in', 'opt_out')", name=op.f("ck_subscription_types_consent_type")),
        sa.CheckConstraint("state IN ('draft', 'live', 'archived')", name=op.f("ck_subscription_types_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_types")),
    )
    op.create_table(
        "suppressions",
        sa.Column("phone_hash", sa.String(length=32), nullable=False),
        sa.Column("phone", sa.String(length=16), nullable=True),
        sa.Column("cause", sa.String(length=24), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("phone_hash", name=op.f("pk_suppressions")),
    )
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
        sa.Column("submissions_per_address", sa.Integer(), nullable=False),
        sa.Column("submissions_per_number", sa.Integer(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("logo", sa.LargeBinary(), nullable=True),
        sa.Column("logo_type", sa.String(length=40), nullable=True),
        sa.Column("logo_hash", sa.String(length=16), nullable=True),
        sa.Column("key_check", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_workspace_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
    )
    op.create_table(
        "form_daily_counts",
        sa.Column("form_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("inserted", sa.Integer(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("submitted", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["form_id"], ["optin_forms.id"], name=op.f("fk_form_tallies_form_id_optin_forms")),
        sa.PrimaryKeyConstraint("form_id", "day", "shard", name=op.f("pk_form_tallies")),
    )
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
        op.f("ix_optin_form_versions_subscription_type_id"),
        "optin_form_versions",
        ["subscription_type_id"],
        unique=False,
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
        "consent_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("subscription_type_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("source", sa.String(length=24), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("evidence_level", sa.String(length=24), nullable=False),
        sa.Column("destination_hash", sa.String(length=32), nullable=True),
        sa.Column("form_version_id", sa.Integer(), nullable=True),
        sa.Column("inserted_form_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_xid", sa.BigInteger(), nullable=True),
        sa.Column("leaf", sa.LargeBinary(), nullable=True),
        sa.Column("seal_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["form_version_id"],
            ["optin_form_versions.id"],
            name=op.f("fk_consent_events_form_version_id_optin_form_versions"),
        ),
        sa.ForeignKeyConstraint(["seal_id"], ["ledger_seals.id"], name=op.f("fk_consent_events_seal_id_ledger_seals")),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_consent_events_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_consent_events_contact_id_id", "consent_events", ["contact_id", "id"], unique=False)
    op.create_index("ix_consent_events_destination_hash_id", "consent_events", ["destination_hash", "id"], unique=False)
    op.create_index("ix_consent_events_inserted_form_id", "consent_events", ["inserted_form_id"], unique=False)
    op.create_table(
        "inserted_forms",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("form_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("inserted_by", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=True),
        sa.Column("submitted_destination_hash", sa.String(length=32), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_inserted_forms_contact_id_contacts")),
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
        unique=False,
        sqlite_where=sa.text("answered_at IS NOT NULL"),
        postgresql_where=sa.text("answered_at IS NOT NULL"),
    )
    op.create_index("ix_inserted_forms_contact_id_id", "inserted_forms", ["contact_id", "id"], unique=False)
    op.create_table(
        "optin_form_texts",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("button_text", sa.Text(), nullable=False),
        sa.Column("legal_text", sa.Text(), nullable=False),
        sa.Column("success_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["optin_form_versions.id"], name=op.f("fk_optin_form_texts_version_id_optin_form_versions")
        ),
        sa.PrimaryKeyConstraint("version_id", "locale", name=op.f("pk_optin_form_texts")),
    )
    op.create_table(
        "consent_evidence",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("destination", sa.String(length=254), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("user_agent", sa.String(length=512), nullable=True),
        sa.Column("origin", sa.String(length=255), nullable=True),
        sa.Column("page", sa.Text(), nullable=True),
        sa.Column("locale", sa.String(length=8), nullable=True),
        sa.Column("wording_hash", sa.String(length=64), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
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
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
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
        unique=False,
        sqlite_where=sa.text("state = 'opted_in'"),
        postgresql_where=sa.text("state = 'opted_in'"),
    )
    op.create_table(
        "destination_opt_outs",
        sa.Column("subscription_type_id", sa.Integer(), nullable=False),
        sa.Column("destination_hash", sa.String(length=32), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["consent_events.id"], name=op.f("fk_number_opt_outs_event_id_consent_events")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_type_id"],
            ["subscription_types.id"],
            name=op.f("fk_number_opt_outs_subscription_type_id_subscription_types"),
        ),
        sa.PrimaryKeyConstraint(
            "subscription_type_id", "destination_hash", "contact_id", name=op.f("pk_destination_opt_outs")
        ),
    )
