"""Exports: contacts, consents and the ledger as files, read by key in parts of bounded size."""
