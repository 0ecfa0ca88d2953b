"""The verification of the ledger."""

from typing import Any

from app.core.errors import InvalidState
from app.core.ledger import verifications
from app.schemas.ledger import LedgerVerificationSchema
from app.web.api.blueprint import ApiBlueprint
from app.web.services import database

blueprint = ApiBlueprint("ledger", __name__, description="The sealed ledger.")


@blueprint.get("/ledger/verify", errors=(409,))
@blueprint.response(200, LedgerVerificationSchema)
def verify_ledger() -> dict[str, Any]:
    """Verify the ledger.

    Every event, evidence, text, seal and key, and the state that follows from the events. A ledger of more than 10,000
    events takes too long for a request: then this is the last verification that the worker made. It makes one each day,
    and when an admin asks for it. `finished_at` says when.
    """
    found = verifications.now_or_last(database())
    if found is None:
        raise InvalidState("The worker has not verified this ledger yet.")
    return found
