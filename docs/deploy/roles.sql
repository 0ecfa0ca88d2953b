-- The rights of the role "assent" of web and worker, where another role owns the tables.
-- Run it as the owner in the database of Assent, after every "assent db upgrade": psql -f roles.sql
-- It may be run again at any time. Backups need no other role; an upgrade and a restore are run as the owner.
GRANT USAGE ON SCHEMA public TO assent;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO assent;
GRANT SELECT, USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA public TO assent;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM assent;
-- The ledger only grows. A trigger restricts the UPDATE of evidence to its erasure.
REVOKE DELETE ON consent_evidence FROM assent;
REVOKE UPDATE, DELETE ON consent_events, wordings, ledger_seals, optin_form_versions, optin_form_texts FROM assent;
