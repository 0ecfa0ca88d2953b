"""The canonical form of events: the bytes that are hashed, the same for every program that writes JSON by RFC 8785."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

# The version of the record of an event. A new one is needed as soon as a key is added, removed or changes its meaning.
EVENT_VERSION = 1
# The columns of an event that are in its record under their own names, in the order of the canonical form. Times are
# in microseconds, hashes in hex.
EVENT_COLUMNS = (
    "action",
    "actor",
    "contact_id",
    "destination_hash",
    "evidence_hash",
    "evidence_level",
    "facts",
    "form_version_id",
    "id",
    "inserted_form_id",
    "is_persons_word",
    "occurred_at",
    "recorded_at",
    "source",
    "subscription_type_id",
)
_SAFE_INTEGER_MAX = 2**53 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False).encode


def canonical_json(value: Any) -> bytes:
    """The canonical bytes of a JSON value: the same for every JSON library.

    :raises ValueError: the value contains a fraction or an integer beyond 2**53, which libraries write differently; or
        text that is no valid Unicode
    Source: RFC 8785
    """
    return _ENCODE(_canonical(value)).encode()


def event_record(event: Any) -> dict[str, Any]:
    """The record of an event, version 1."""
    return record_of([getattr(event, name) for name in EVENT_COLUMNS])


def record_of(values: Sequence[Any]) -> dict[str, Any]:
    """The record of an event, from the values of ``EVENT_COLUMNS`` in their order."""
    record = dict(zip(EVENT_COLUMNS, values, strict=True))
    record["evidence_hash"] = record["evidence_hash"].hex()
    record["occurred_at"] = microseconds(record["occurred_at"])
    record["recorded_at"] = microseconds(record["recorded_at"])
    record["v"] = EVENT_VERSION
    return record


def event_bytes(event: Any) -> bytes:
    """The canonical bytes of an event's record."""
    return canonical_columns(event_record(event), nested="facts")


def bytes_of(values: Sequence[Any]) -> bytes:
    """The canonical bytes of an event's record, from the values of ``EVENT_COLUMNS`` in their order."""
    return canonical_columns(record_of(values), nested="facts")


def canonical_columns(columns: dict[str, Any], *, nested: str) -> bytes:
    """The bytes that ``canonical_json`` writes for columns whose names are in order, faster: many rows are verified.

    :param nested: the one column that may hold a list or an object
    """
    if columns[nested]:
        columns[nested] = _canonical(columns[nested])
    return _ENCODE(columns).encode()


def microseconds(at: datetime) -> int:
    """An aware time as microseconds since 1970 (UTC)."""
    return (at - _EPOCH) // _MICROSECOND


def time_of(since: int) -> datetime:
    """The time of these microseconds since 1970 (UTC)."""
    return _EPOCH + since * _MICROSECOND


def _canonical(value: Any) -> Any:
    """The value with the keys of every object in the order of their UTF-16 code units."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {key: _canonical(value[key]) for key in sorted(value, key=lambda key: str(key).encode("utf-16-be"))}
    if isinstance(value, list | tuple):
        return [_canonical(each) for each in value]
    if isinstance(value, float) or (isinstance(value, int) and abs(value) > _SAFE_INTEGER_MAX):
        raise ValueError(f"{value!r} has no canonical form: write it as text")
    return value
