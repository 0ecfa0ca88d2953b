"""URLs of pages that another application, a job or an API body links to.

Inside one application ``url_for`` builds URLs. ``tests/core/test_public_urls.py`` compares these functions with the
routes.

``base`` is the address of this server without a slash at the end. Without it a path is returned.
"""

from urllib.parse import quote

EMBED = "/f"
MESSENGER_API = "/messenger/api"
API = "/api"
SITE = "/site"
PREFERENCES = "/p"
HOOKS = "/hooks"
SHORT_LINKS = "/s"

EMBED_SCRIPT = "/embed.js"
MESSENGER_SCRIPT = "/messenger.js"
SITE_SCRIPT = "/site.js"
API_DOCS = f"{API}/docs"


def inserted_form(token: str, *, base: str = "", full_number_proof: str = "") -> str:
    """The page of one inserted form, its ``embed_url``.

    :param full_number_proof: lets the page show the saved number in full (from ``messenger/identity.py``)
    """
    query = f"?full={full_number_proof}" if full_number_proof else ""
    return f"{base}{EMBED}/{token}{query}"


def public_form(key: str, *, base: str = "") -> str:
    """The page of a form that anyone may open."""
    return f"{base}{EMBED}/form/{key}"


def form_of_signed_user(token: str, *, base: str = "") -> str:
    """The page of a form that anyone may open, for a signed user of the page around it (``forms/user_token.py``)."""
    return f"{base}{EMBED}/user/{token}"


def preferences(token: str, *, base: str = "") -> str:
    """The preference center of one contact, by the token of a link (``preferences/links.py``)."""
    return f"{base}{PREFERENCES}/{token}"


def one_click(token: str, subscription_type_id: int, *, base: str = "") -> str:
    """Where a mail program leaves an email type with one POST (RFC 8058)."""
    return f"{base}{PREFERENCES}/{token}/one-click?type={subscription_type_id}"


def short_link(token: str, *, base: str = "") -> str:
    """An address that leads on to one in a campaign's text (``campaigns/short_links.py``)."""
    return f"{base}{SHORT_LINKS}/{token}"


def inbox(*, base: str = "") -> str:
    """The inbox of agents."""
    return f"{base}/inbox"


def conversation(conversation_id: int, *, base: str = "") -> str:
    """A conversation in the inbox."""
    return f"{base}/inbox/{conversation_id}"


def account(*, base: str = "") -> str:
    """The account page of the agent who is signed in."""
    return f"{base}/account"


def logo(version: str, *, base: str = "") -> str:
    """The workspace's logo; ``version`` is its hash, so that browsers keep it."""
    return f"{base}/logo?v={version}"


def report_hook(gateway: str, message_id: int, secret: str, base: str) -> str:
    """Where a gateway reports what happened with one text. The gateway adds its own values to the query.

    :param secret: proves the caller where the gateway signs nothing (Kannel)
    """
    paths = {"twilio": "status", "kannel": "dlr"}
    proof = f"secret={quote(secret, safe='')}&" if gateway == "kannel" else ""
    return f"{base}{HOOKS}/{gateway}/{paths[gateway]}?{proof}message={message_id}" if gateway in paths else ""
