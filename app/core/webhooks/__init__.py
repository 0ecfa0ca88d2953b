"""Webhooks out: where events go, what they say, how far each telling is, and how it is signed.

``routing`` makes messages and deliveries of what waits in the outbox; the worker (``jobs/deliver_webhooks.py``) sends
them. ``endpoints`` and ``deliveries`` are what pages and the API call.
"""
