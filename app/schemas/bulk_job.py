"""Schemas of bulk jobs: long changes of many contacts."""

from typing import Any

from marshmallow import fields, validate

from app.models import JobKind, JobState
from app.schemas.fields import Constant, Id, Input, Output, Text, UnixTime, YesOrNo

CONTACTS_MAX = 10_000
_SKIPPED = {"description": "how many were left as they are, by the reason"}


class BulkChangeSchema(Input):
    """What to change, and for whom: exactly one of ``contact_ids``, ``segment_id`` and ``query``."""

    action = fields.String(required=True, validate=validate.OneOf([JobKind.SUBSCRIBE.value, JobKind.UNSUBSCRIBE.value]))
    subscription_type_id = Id(required=True)
    contact_ids = fields.List(
        Id(), load_default=None, allow_none=True, validate=validate.Length(min=1, max=CONTACTS_MAX)
    )
    segment_id = Id(load_default=None, allow_none=True)
    query = fields.Dict(load_default=None, allow_none=True, metadata={"description": "see *The query language*"})
    source_note = Text(
        most=2000,
        load_default=None,
        allow_none=True,
        metadata={"description": "where the consent comes from; part of the proof. Left out only with `dry_run`"},
    )
    dry_run = YesOrNo(load_default=False, metadata={"description": "only count what would change"})


class OutcomesSchema(Output):
    """The counts of an undo."""

    done = fields.Integer(required=True)
    changed = fields.Integer(required=True, metadata={"description": "contacts whose former state is back"})
    unchanged = fields.Integer(required=True)
    skipped = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True, metadata=_SKIPPED)


class _DryRun(fields.Boolean):
    """Whether the job only counts, from its parameters."""

    def _serialize(self, value: Any, *_arguments: Any, **_more: Any) -> bool:
        return bool(value.get("dry_run"))


class BulkJobSchema(Output):
    """Dumps a ``models.BulkJob`` that is not a draft."""

    type = Constant("bulk_job")
    id = fields.String(required=True)
    action = fields.String(required=True, attribute="kind", validate=validate.OneOf([kind.value for kind in JobKind]))
    subscription_type_id = fields.String(required=True, allow_none=True)
    dry_run = _DryRun(required=True, attribute="parameters")
    state = fields.String(
        required=True,
        validate=validate.OneOf([state.value for state in JobState if state != JobState.DRAFT]),
    )
    done = fields.Integer(required=True, metadata={"description": "contacts that the job is through with"})
    total = fields.Integer(required=True, allow_none=True, metadata={"description": "null until it is known"})
    changed = fields.Integer(required=True)
    unchanged = fields.Integer(required=True, metadata={"description": "contacts for whom there was nothing to do"})
    skipped = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True, metadata=_SKIPPED)
    undo = fields.Nested(
        OutcomesSchema, required=True, allow_none=True, metadata={"description": "null unless it was undone"}
    )
    created_at = UnixTime(required=True)
    finished_at = UnixTime(required=True, allow_none=True)
