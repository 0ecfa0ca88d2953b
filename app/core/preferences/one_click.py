"""The headers by which a mail program offers to leave an email type with one click."""

from app.core import public_urls

BODY = ("List-Unsubscribe", "One-Click")


def headers(token: str, subscription_type_id: int, *, base: str) -> dict[str, str]:
    """The two headers of a mail of this email type. Both must be signed by DKIM.

    :param token: of a link that was issued for the mail's recipient
    :param base: the public address of this server, which must be https
    Source: RFC 8058 section 3.1
    """
    address = public_urls.one_click(token, subscription_type_id, base=base)
    return {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "=".join(BODY)}
