"""A contact as the floor of the API returns it: a dictionary made by hand, without a schema."""

from datetime import datetime
from functools import lru_cache
from typing import Any

INLINE_MAX = 10
_NEVER_FILLED = (
    *("last_replied_at", "last_contacted_at", "last_email_opened_at", "last_email_clicked_at"),
    *("browser", "browser_version", "browser_language", "os"),
    *(f"android_{name}" for name in ("app_name", "app_version", "device", "os_version", "sdk_version", "last_seen_at")),
    *(f"ios_{name}" for name in ("app_name", "app_version", "device", "os_version", "sdk_version", "last_seen_at")),
    *(f"utm_{name}" for name in ("campaign", "content", "medium", "source", "term")),
    *("referrer", "enabled_push_messaging"),
)
_EMPTY: dict[str, Any] = dict.fromkeys(_NEVER_FILLED)


def contact_body(view: Any, workspace_id: str) -> dict[str, Any]:
    """Intercom's contact as a plain dictionary, with the same fields as the API's schema."""
    row = view.row
    email, url = row.email or "", f"/contacts/{row.public_id}"
    return {
        "type": "contact",
        "id": row.public_id,
        "workspace_id": workspace_id,
        "external_id": row.external_id,
        "role": row.role,
        "email": email,
        "email_domain": email.rpartition("@")[2],
        "phone": row.phone,
        "name": row.name,
        "avatar": {"type": "avatar", "image_url": row.avatar} if row.avatar else None,
        "owner_id": str(row.owner_id) if row.owner_id is not None else None,
        "social_profiles": {"type": "list", "data": []},
        "has_hard_bounced": False,
        "marked_email_as_spam": False,
        "unsubscribed_from_emails": row.unsubscribed_from_emails,
        "created_at": seconds(row.created_at),
        "updated_at": seconds(row.updated_at),
        "signed_up_at": seconds(row.signed_up_at),
        "last_seen_at": seconds(row.last_seen_at),
        "language_override": row.locale,
        "custom_attributes": row.custom_attributes,
        "location": {
            "type": "location",
            "country": None,
            "region": None,
            "city": None,
            "country_code": None,
            "continent_code": None,
        },
        "tags": _addressable([], f"{url}/tags"),
        "notes": _addressable([], f"{url}/notes"),
        "companies": _addressable([], f"{url}/companies"),
        "opted_in_subscription_types": _addressable(view.opted_in, f"{url}/subscriptions"),
        "opted_out_subscription_types": _addressable(view.opted_out, f"{url}/subscriptions"),
        "sms_consent": view.has_sms_consent,
        "unsubscribed_from_sms": bool(row.is_suppressed),
        "archived": row.archived_at is not None,
        "blocked": row.blocked_at is not None,
        **_EMPTY,
    }


def seconds(at: datetime | None) -> int | None:
    return int(at.timestamp()) if at is not None else None


def _addressable(type_ids: Any, url: str) -> dict[str, Any]:
    return {
        "type": "list",
        "data": [reference(type_id) for type_id in type_ids[:INLINE_MAX]],
        "url": url,
        "total_count": len(type_ids),
        "has_more": len(type_ids) > INLINE_MAX,
    }


@lru_cache(maxsize=256)
def reference(type_id: int) -> dict[str, str]:
    """A subscription type as contacts name it."""
    return {"type": "subscription", "id": str(type_id), "url": f"/subscription_types/{type_id}"}
