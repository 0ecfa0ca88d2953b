"""What an answer looks like: one made from the description of its shape, so that it cannot say anything else."""

from typing import Any

CONTACT = "6762f0cd1bb69f9f2193bb7c"
_AT = 1_793_620_800
# The values of fields with these names, where the shape allows it.
_NAMED: dict[str, Any] = {
    "accent_color": "#0b6e4f",
    "actor": "api:1",
    "user_agent": "shop/1.0",
    "author": {"type": "user", "id": CONTACT, "name": "Sam"},
    "body": "Do you have a table tonight?",
    "button_text": "Sign Up Now",
    "contact_id": CONTACT,
    "custom_attributes": {"plan": "pro"},
    "description": "News and offers, at most four a month.",
    "destination": "+12025550123",
    "email": "sam@example.com",
    "email_domain": "example.com",
    "embed_url": "https://consent.example.com/f/3q2-7w",
    "evidence_level": "reported",
    "external_id": "70",
    "legal_text": "At most four texts a month. Reply STOP to end them.",
    "locale": "en",
    "message_type": "inapp",
    "name": "Sam",
    "note": "Asked at the counter.",
    "phone": "+12025550123",
    "preference_center_url": "https://consent.example.com/p/3q2-7wBv9xKp0LmA",
    "priority": "none",
    "query": {"field": "custom_attributes.plan", "operator": "=", "value": "pro"},
    "source": "api",
    "starting_after": "WzIsMTIwLGZhbHNlLG51bGwsNDJd",
    "title": "Texts from Harbour Coffee",
    "url": "https://shop.example.com/assent",
}


def sample(schema: dict[str, Any], components: dict[str, Any], name: str = "") -> Any:
    """A value that fits a schema.

    :param components: the description's schemas, by name
    :param name: of the field that has it
    """
    if "$ref" in schema:
        return sample(components[schema["$ref"].rpartition("/")[2]], components, name)
    if "allOf" in schema or "anyOf" in schema:
        return sample((schema.get("allOf") or schema["anyOf"])[0], components, name)
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type", "null")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if name in _NAMED and _kind(_NAMED[name]) in kinds and "properties" not in schema:
        return _NAMED[name]
    return _of_kind(kinds[0], schema, components, name)


def _of_kind(kind: str, schema: dict[str, Any], components: dict[str, Any], name: str) -> Any:
    match kind:
        case "object":
            return {key: sample(each, components, key) for key, each in schema.get("properties", {}).items()}
        case "array":
            return [sample(schema["items"], components, name.rstrip("s"))] if schema.get("items") else []
        case "string":
            return CONTACT if "24" in schema.get("pattern", "") else "1" if name.endswith("id") else "…"
        case "integer" | "number":
            return _AT if name.endswith("_at") or name == "since" else schema.get("minimum", 1)
        case "boolean":
            return name in {"deleted", "archived", "blocked", "lifted", "open", "subscribed", "reachable", "active"}
        case _:
            return None


def _kind(value: Any) -> str:
    return {str: "string", dict: "object", list: "array", bool: "boolean", int: "integer"}.get(type(value), "null")
