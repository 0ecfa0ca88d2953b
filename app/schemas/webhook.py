"""Webhook endpoints and their deliveries on the wire."""

from typing import Any

from marshmallow import Schema, fields, validate

from app.models import DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookMessage
from app.schemas.fields import Input, PagesSchema, PagingSchema, Text, YesOrNo, const, seconds


def endpoint_body(endpoint: WebhookEndpoint, *, waiting: int, failed: int) -> dict[str, Any]:
    """An endpoint without its secret, and how many deliveries wait or were given up."""
    return {
        "type": "webhook_endpoint",
        "id": str(endpoint.id),
        "url": endpoint.url,
        "topics": endpoint.topics,
        "enabled": endpoint.disabled_at is None,
        "disabled_reason": endpoint.disabled_reason,
        "consecutive_failures": endpoint.consecutive_failures,
        "paused_until": seconds(endpoint.paused_until),
        "last_success_at": seconds(endpoint.last_success_at),
        "last_failure_at": seconds(endpoint.last_failure_at),
        "deliveries": {"waiting": waiting, "failed": failed},
        "created_at": seconds(endpoint.created_at),
        "updated_at": seconds(endpoint.updated_at),
    }


def delivery_body(delivery: WebhookDelivery, message: WebhookMessage) -> dict[str, Any]:
    """One message on its way to one endpoint, with what was answered last."""
    return {
        "type": "webhook_delivery",
        "id": str(delivery.id),
        "webhook_id": message.public_id,
        "topic": message.topic,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_attempt_at": seconds(delivery.next_attempt_at) if delivery.state == DeliveryState.WAITING else None,
        "last_attempt_at": seconds(delivery.last_attempt_at),
        "delivered_at": seconds(delivery.delivered_at),
        "last_status": delivery.last_status,
        "last_problem": delivery.last_problem,
        "last_duration_ms": delivery.last_duration_ms,
        "created_at": seconds(delivery.created_at),
        "body": message.body,
    }


def answered_delivery_body(delivery: WebhookDelivery, message: WebhookMessage, *, url: str) -> dict[str, Any]:
    """The same with the request of the last attempt and its answer.

    :param url: where the endpoint is now; the last attempt may have gone elsewhere
    """
    asked = dict(delivery.last_request_headers or {})
    body = delivery_body(delivery, message)
    body["last_request"] = {"url": asked.pop(":url", url), "headers": asked} if delivery.last_request_headers else None
    headers, text = delivery.last_answer_headers or {}, delivery.last_answer or ""
    body["last_answer"] = {"headers": headers, "body": text} if delivery.last_status is not None else None
    return body


class WaitingSchema(Schema):
    waiting = fields.Integer(required=True, metadata={"description": "counted up to 10,000"})
    failed = fields.Integer(required=True, metadata={"description": "given up after three days; up to 10,000"})


class WebhookEndpointSchema(Schema):
    type = const("webhook_endpoint")
    id = fields.String(required=True)
    url = fields.String(required=True)
    topics = fields.List(fields.String(), required=True)
    enabled = fields.Boolean(required=True)
    disabled_reason = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(["manual", "gone", None]),
        metadata={"description": "`gone`: it answered 410"},
    )
    consecutive_failures = fields.Integer(required=True)
    paused_until = fields.Integer(required=True, allow_none=True)
    last_success_at = fields.Integer(required=True, allow_none=True)
    last_failure_at = fields.Integer(required=True, allow_none=True)
    deliveries = fields.Nested(WaitingSchema, required=True)
    created_at = fields.Integer(required=True)
    updated_at = fields.Integer(required=True)
    secret = fields.String(metadata={"description": "in the answer that makes it, and never again"})


class WebhookEndpointListSchema(Schema):
    type = const("list")
    data = fields.List(fields.Nested(WebhookEndpointSchema), required=True)


class WebhookEndpointDeletedSchema(Schema):
    type = const("webhook_endpoint")
    id = fields.String(required=True)
    deleted = fields.Boolean(required=True)


class NewWebhookEndpointSchema(Input):
    url = Text(most=4000, required=True)
    topics = fields.List(Text(most=100), required=True, validate=validate.Length(max=50))


class ChangedWebhookEndpointSchema(Input):
    url = Text(most=4000, load_default=None)
    topics = fields.List(Text(most=100), load_default=None, validate=validate.Length(max=50))
    enabled = YesOrNo(load_default=None)


class WebhookDeliverySchema(Schema):
    type = const("webhook_delivery")
    id = fields.String(required=True)
    webhook_id = fields.String(required=True, metadata={"description": "the same with every attempt"})
    topic = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf([state.value for state in DeliveryState]))
    attempts = fields.Integer(required=True)
    next_attempt_at = fields.Integer(required=True, allow_none=True)
    last_attempt_at = fields.Integer(required=True, allow_none=True)
    delivered_at = fields.Integer(required=True, allow_none=True)
    last_status = fields.Integer(required=True, allow_none=True)
    last_problem = fields.String(required=True, allow_none=True)
    last_duration_ms = fields.Integer(required=True, allow_none=True)
    created_at = fields.Integer(required=True)
    body = fields.Dict(required=True)


class WebhookRequestSchema(Schema):
    url = fields.String(required=True)
    headers = fields.Dict(required=True)


class WebhookAnswerSchema(Schema):
    headers = fields.Dict(required=True)
    body = fields.String(required=True, metadata={"description": "its first 2,000 bytes"})


class WebhookAnsweredDeliverySchema(WebhookDeliverySchema):
    last_request = fields.Nested(WebhookRequestSchema, required=True, allow_none=True)
    last_answer = fields.Nested(
        WebhookAnswerSchema, required=True, allow_none=True, metadata={"description": "null when none came"}
    )


class WebhooksReplayedSchema(Schema):
    type = const("webhook_replay")
    replayed = fields.Integer(required=True)


class WebhookDeliveryListSchema(Schema):
    type = const("list")
    data = fields.List(fields.Nested(WebhookDeliverySchema), required=True)
    total_count = fields.Integer(required=True)
    total_count_is_minimum = fields.Boolean(required=True)
    pages = fields.Nested(PagesSchema, required=True)


class DeliveryPagingSchema(PagingSchema):
    state = fields.String(
        load_default=None,
        validate=validate.OneOf([state.value for state in DeliveryState]),
        metadata={"description": "only those in this state"},
    )
