"""Webhooks: endpoints, the messages for them, their deliveries and signatures.

``routing`` creates messages and deliveries from outbox events. The worker (``jobs/deliver_webhooks.py``) sends them.
Pages and the API call ``endpoints`` and ``deliveries``.
"""
