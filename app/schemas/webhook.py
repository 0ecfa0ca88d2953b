"""Schemas of webhook endpoints and their deliveries."""

from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from app.models import DeliveryState, DisabledReason
from app.schemas.fields import Change, Constant, Input, IsUnset, Itself, ListSchema, Output, Text, UnixTime, YesOrNo
from app.schemas.paging import PagedListSchema, PagingSchema

_STATES = validate.OneOf([state.value for state in DeliveryState])
# Beside the stored headers of a request: where it went, because the endpoint's address may change.
_REQUESTED = ":url"


@dataclass(frozen=True)
class EndpointValue:
    """A ``models.WebhookEndpoint`` with its numbers of deliveries; ``secret`` only where it was just made."""

    endpoint: Any
    waiting: int = 0
    failed: int = 0
    secret: str | None = None


@dataclass(frozen=True)
class DeliveryValue:
    """A ``models.WebhookDelivery`` with its ``models.WebhookMessage``, and the last request with its response.

    :param url: the address of the endpoint now; the last attempt may have gone elsewhere
    """

    delivery: Any
    message: Any
    url: str = ""

    @property
    def next_attempt_at(self) -> Any:
        return self.delivery.next_attempt_at if self.delivery.state == DeliveryState.WAITING else None

    @property
    def last_request(self) -> dict[str, Any] | None:
        headers = dict(self.delivery.last_request_headers or {})
        return {"url": headers.pop(_REQUESTED, self.url), "headers": headers} if headers else None

    @property
    def last_answer(self) -> dict[str, Any] | None:
        if self.delivery.last_status is None:
            return None
        return {"headers": self.delivery.last_answer_headers or {}, "body": self.delivery.last_answer or ""}


class WaitingSchema(Output):
    waiting = fields.Integer(required=True, metadata={"description": "counted up to 10,000"})
    failed = fields.Integer(required=True, metadata={"description": "given up after three days; up to 10,000"})


class WebhookEndpointSchema(Output):
    """Dumps an ``EndpointValue``."""

    shown_once = ("secret",)

    type = Constant("webhook_endpoint")
    id = fields.String(required=True, attribute="endpoint.id")
    url = fields.String(required=True, attribute="endpoint.url")
    topics = fields.List(fields.String(), required=True, attribute="endpoint.topics")
    hub_signature = fields.Boolean(
        required=True,
        attribute="endpoint.has_hub_signature",
        metadata={"description": "requests carry `X-Hub-Signature` beside the standard headers, as Intercom's do"},
    )
    enabled = IsUnset(required=True, attribute="endpoint.disabled_at")
    disabled_reason = fields.String(
        required=True,
        allow_none=True,
        attribute="endpoint.disabled_reason",
        validate=validate.OneOf([*(reason.value for reason in DisabledReason), None]),
        metadata={"description": "`gone`: it answered 410"},
    )
    consecutive_failures = fields.Integer(required=True, attribute="endpoint.consecutive_failures")
    paused_until = UnixTime(required=True, allow_none=True, attribute="endpoint.paused_until")
    last_success_at = UnixTime(required=True, allow_none=True, attribute="endpoint.last_success_at")
    last_failure_at = UnixTime(required=True, allow_none=True, attribute="endpoint.last_failure_at")
    deliveries = Itself(WaitingSchema, required=True)
    created_at = UnixTime(required=True, attribute="endpoint.created_at")
    updated_at = UnixTime(required=True, attribute="endpoint.updated_at")
    secret = fields.String(metadata={"description": "in the answer that makes it, and never again"})


class WebhookEndpointListSchema(ListSchema):
    data = fields.List(fields.Nested(WebhookEndpointSchema), required=True)


class WebhookEndpointDeletedSchema(Output):
    type = Constant("webhook_endpoint")
    id = fields.String(required=True)
    deleted = Constant(value=True)


class NewWebhookEndpointSchema(Input):
    url = Text(most=4000, required=True)
    topics = fields.List(Text(most=100), required=True, validate=validate.Length(max=50))
    hub_signature = YesOrNo(load_default=False, metadata={"description": "sign as Intercom does, too"})


class ChangedWebhookEndpointSchema(Change):
    url = Text(most=4000, load_default=None, allow_none=False)
    topics = fields.List(Text(most=100), load_default=None, allow_none=False, validate=validate.Length(max=50))
    hub_signature = YesOrNo(load_default=None, allow_none=False)
    enabled = YesOrNo(load_default=None, allow_none=False)


class WebhookDeliverySchema(Output):
    """Dumps a ``DeliveryValue``: one message on its way to one endpoint."""

    type = Constant("webhook_delivery")
    id = fields.String(required=True, attribute="delivery.id")
    webhook_id = fields.String(
        required=True, attribute="message.public_id", metadata={"description": "the same with every attempt"}
    )
    topic = fields.String(required=True, attribute="message.topic")
    state = fields.String(required=True, attribute="delivery.state", validate=_STATES)
    attempts = fields.Integer(required=True, attribute="delivery.attempts")
    next_attempt_at = UnixTime(required=True, allow_none=True)
    last_attempt_at = UnixTime(required=True, allow_none=True, attribute="delivery.last_attempt_at")
    delivered_at = UnixTime(required=True, allow_none=True, attribute="delivery.delivered_at")
    last_status = fields.Integer(required=True, allow_none=True, attribute="delivery.last_status")
    last_problem = fields.String(required=True, allow_none=True, attribute="delivery.last_problem")
    last_duration_ms = fields.Integer(required=True, allow_none=True, attribute="delivery.last_duration_ms")
    created_at = UnixTime(required=True, attribute="delivery.created_at")
    body = fields.Dict(required=True, attribute="message.body")


class WebhookRequestSchema(Output):
    url = fields.String(required=True)
    headers = fields.Dict(required=True)


class WebhookAnswerSchema(Output):
    headers = fields.Dict(required=True)
    body = fields.String(required=True, metadata={"description": "its first 2,000 bytes"})


class WebhookAnsweredDeliverySchema(WebhookDeliverySchema):
    last_request = fields.Nested(WebhookRequestSchema, required=True, allow_none=True)
    last_answer = fields.Nested(
        WebhookAnswerSchema, required=True, allow_none=True, metadata={"description": "null when none came"}
    )


class WebhooksReplayedSchema(Output):
    type = Constant("webhook_replay")
    replayed = fields.Integer(required=True)


class WebhookDeliveryListSchema(PagedListSchema):
    data = fields.List(fields.Nested(WebhookDeliverySchema), required=True)


class DeliveryPagingSchema(PagingSchema):
    state = fields.String(load_default=None, validate=_STATES, metadata={"description": "only those in this state"})
