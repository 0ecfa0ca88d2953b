"""The embed, measured: getting a form, and answering it."""

import re
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from app.core import clock
from app.core.forms import publishing
from app.core.forms.content import FormContent, FormText
from app.core.forms.publishing import FormSettings
from app.core.forms.render_token import RenderToken
from app.core.signing import Keys, random_token
from app.core.subscriptions import subscription_types
from app.core.subscriptions.subscription_types import NewSubscriptionType
from app.core.workspace import settings
from app.models import Channel, ConsentType
from bench.load import Request
from bench.servers import SECRET_KEY, Place

_serial = iter(range(10_000_000))


class Forms:
    """One public form, and people who answer it, each with a different number."""

    def __init__(self, place: Place) -> None:
        with place.database.unit_of_work() as session:
            self.key = form_key(session, clock.now())
        self.path = f"/f/form/{self.key}"

    def gets(self, _address: str | None, _seconds: int) -> Iterator[Request]:
        yield Request(self.path)

    def answers(self, address: str | None, seconds: int) -> Iterator[Request]:
        """Each answer comes from another client address."""
        for serial, request in self._answers(address, seconds):
            client = f"10.{serial >> 16 & 255}.{serial >> 8 & 255}.{serial & 255}"
            yield replace(request, address=client)

    def answers_from_one_address(self, address: str | None, seconds: int) -> Iterator[Request]:
        """All answers come from one client address, as behind a company's gateway."""
        for _, request in self._answers(address, seconds):
            yield request

    def _answers(self, address: str | None, seconds: int) -> Iterator[tuple[int, Request]]:
        """For Assent, at ``address``, with the field ``shown`` of its page; a floor needs none."""
        signer = Keys(SECRET_KEY).signer("shown")
        shown = self._shown(address) if address else None
        for _ in range(seconds * 2500):
            serial = next(_serial)
            body = {"phone": f"+1415{2_000_000 + serial:07d}"}
            if shown:
                body["shown"] = replace(shown, nonce=random_token(), at=clock.now()).signed(signer)
            content_type = "application/x-www-form-urlencoded"
            yield serial, Request(self.path, "POST", content_type=content_type, body=urlencode(body))

    def _shown(self, address: str) -> RenderToken:
        with urllib.request.urlopen(f"{address}{self.path}") as page:
            found = re.search(r'name="shown" value="([^"]+)"', page.read().decode())
        shown = RenderToken.read(Keys(SECRET_KEY).signer("shown"), found[1] if found else "", place=self.key)
        if shown is None:
            raise RuntimeError("the form's page has no field “shown”")
        return shown


def form_key(session: Session, at: datetime) -> str:
    """Create a live subscription type, the first one, and a public form for it, without limits to speak of.

    Returns the key in the form's address.
    """
    limits = {"submissions_per_address": 1_000_000, "submissions_per_number": 1_000_000}
    settings.change(session, limits, actor="bench", at=at)
    new = NewSubscriptionType("Offers", Channel.SMS, ConsentType.OPT_IN)
    subscription_type = subscription_types.create(session, new, actor="bench", at=at)
    subscription_types.put_live(session, subscription_type, actor="bench", at=at)
    legal = (
        "By signing up you agree to get **offers** by text, at most four a month. Consent is no condition of purchase."
    )
    content = FormContent(subscription_type.id, {"en": FormText("Texts from Harbour Coffee", legal_text=legal)})
    form = publishing.create(session, content, FormSettings(), actor="bench", at=at)
    return form.key
