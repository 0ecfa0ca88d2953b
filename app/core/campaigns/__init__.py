"""Campaigns: one outbound SMS to the people who are subscribed to a type."""
