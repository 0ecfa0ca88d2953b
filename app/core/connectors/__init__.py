"""Contracts of other products, so that what talks to them can talk to Assent."""
