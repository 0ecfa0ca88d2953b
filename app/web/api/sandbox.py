"""The sandbox: texts from its phones. Only with the gateway ``sandbox``."""

from typing import Any

from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import NotAvailable, named
from app.core.inbound import sandbox_phones
from app.models import SmsMessage
from app.schemas.sandbox import ReceivedTextSchema, SandboxTextSchema
from app.web import services
from app.web.api.blueprint import ApiBlueprint

blueprint = ApiBlueprint("sandbox", __name__, description="Texts without a carrier, to try things out.")
_RECIPIENT = "sandbox"


@blueprint.post("/sandbox/messages", errors=(422,))
@blueprint.arguments(SandboxTextSchema)
@blueprint.commit(ReceivedTextSchema)
def create_sandbox_message(session: Session, body: dict[str, Any]) -> SmsMessage:
    """Receive a text from a phone of the sandbox.

    It does what a text from a real phone would do. `not_available`: texts are carried by a real gateway.
    """
    if services.settings().sms_gateway != sandbox_phones.GATEWAY:
        raise NotAvailable("There is no sandbox: texts are carried by a gateway.")
    with named("from", instead_of="phone"):
        return sandbox_phones.send(session, body["from_"], body["text"], recipient=_RECIPIENT, at=clock.now())
