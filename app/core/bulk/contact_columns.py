"""The columns of a CSV file of contacts: export writes these headings, import reads them back."""

ID = "id"
EXTERNAL_ID = "external_id"
ROLE = "role"
NAME = "name"
PHONE = "phone"
EMAIL = "email"
COUNTRY = "phone_country"
LANGUAGE = "language"
TIME_ZONE = "time_zone"
TAGS = "tags"
GDPR_OPTIN = "gdpr_optin"
CREATED_AT = "created_at"
UPDATED_AT = "updated_at"
FIXED = (
    *(ID, EXTERNAL_ID, ROLE, NAME, PHONE, EMAIL, COUNTRY, LANGUAGE, TIME_ZONE, TAGS, GDPR_OPTIN),
    *(CREATED_AT, UPDATED_AT),
)
# Of each subscription type: opted_in, opted_out or never_asked; the number or address; when the state changed.
STATE, DESTINATION, SINCE = "state", "destination", "since"
SUBSCRIPTION_PARTS = (STATE, DESTINATION, SINCE)
_CUSTOM, _SUBSCRIPTION = "custom_attributes.", "subscription_types."


def custom(name: str) -> str:
    """The heading of a custom attribute."""
    return f"{_CUSTOM}{name}"


def custom_name(heading: str) -> str | None:
    """The custom attribute that a heading names; null for other headings."""
    return heading.removeprefix(_CUSTOM) if heading.startswith(_CUSTOM) and heading != _CUSTOM else None


def subscription(type_id: int, part: str) -> str:
    """The heading of one of ``SUBSCRIPTION_PARTS`` of a subscription type."""
    return f"{_SUBSCRIPTION}{type_id}.{part}"


def subscription_part(heading: str) -> tuple[int, str] | None:
    """The type and the part that a heading names; null for other headings."""
    type_id, _, part = heading.removeprefix(_SUBSCRIPTION).partition(".")
    is_one = heading.startswith(_SUBSCRIPTION) and type_id.isascii() and type_id.isdigit() and len(type_id) < 10
    return (int(type_id), part) if is_one and part in SUBSCRIPTION_PARTS else None
