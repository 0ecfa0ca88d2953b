"""The saved number: masked for everybody, in full for a signed user inside the built-in messenger."""

from app.core import messenger_identity, phone
from app.core.contacts import Destination
from app.core.form_views import FormView
from app.models import Channel
from app.web.database import keys
from app.web.embed import reader
from app.web.embed.exchange import Asked


def shown(asked: Asked, view: FormView, saved: Destination | None) -> str:
    """The saved number or address as this reader may see it; empty when there is none.

    ``?full=`` is what the messenger's API gave a signed user for this one form a moment ago.
    """
    if saved is None:
        return ""
    proof = asked.args.get("full", "")
    if not messenger_identity.may_show_full_number(keys(), proof, view.token, view.contact_id):
        return reader.masked(view, saved)
    return phone.formatted(saved.value) if view.channel == Channel.SMS else saved.value
