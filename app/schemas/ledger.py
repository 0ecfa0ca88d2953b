"""The verification of the ledger in the API."""

from marshmallow import fields

from app.schemas.fields import Constant, Output


class LedgerVerificationSchema(Output):
    """What a verification found, as ``assent ledger verify`` prints it."""

    type = Constant("ledger_verification")
    result = fields.String(required=True, metadata={"description": "`ok` or `tampered`"})
    started_at = fields.String(required=True, metadata={"description": "ISO 8601"})
    finished_at = fields.String(required=True, metadata={"description": "ISO 8601"})
    duration_s = fields.Float(required=True)
    events = fields.Dict(required=True, metadata={"description": "altered, missing, inserted, reordered and so on"})
    evidence = fields.Dict(required=True)
    wordings = fields.Dict(required=True)
    seals = fields.Dict(required=True)
    keys = fields.Dict(required=True)
    heads = fields.List(fields.Dict(), required=True, metadata={"description": "published heads, found or not"})
    restores = fields.List(fields.Dict(), required=True, metadata={"description": "what restored backups replaced"})
    state = fields.Dict(required=True, metadata={"description": "rows that do not follow from the events"})
