"""Lists of Intercom's that are empty here. Software that reads everything asks for them, and contacts link to them."""

from typing import Any

from app.core.contacts import views
from app.schemas.absent import CompanyListSchema, CompanyScrollSchema, TeamListSchema
from app.web.api.auth import Scope
from app.web.api.blueprint import ApiBlueprint
from app.web.services import read_connection

blueprint = ApiBlueprint("absent", __name__, description="What Assent does not have: lists that are always empty.")


@blueprint.get("/teams")
@blueprint.response(200, TeamListSchema)
def list_teams() -> dict[str, Any]:
    """List teams: there are none here."""
    return {}


@blueprint.get("/companies")
@blueprint.response(200, CompanyListSchema)
def list_companies() -> dict[str, Any]:
    """List companies: there are none here."""
    return {}


@blueprint.post("/companies/list", scope=Scope.READ)
@blueprint.response(200, CompanyListSchema)
def list_all_companies() -> dict[str, Any]:
    """List companies by POST, as some of Intercom's clients do: there are none here."""
    return {}


@blueprint.get("/companies/scroll")
@blueprint.response(200, CompanyScrollSchema)
def scroll_companies() -> dict[str, Any]:
    """Read all companies: there are none here."""
    return {}


@blueprint.get("/contacts/<contact_id>/companies", errors=(404, 410))
@blueprint.response(200, CompanyListSchema)
def list_companies_of_contact(contact_id: str) -> dict[str, Any]:
    """List the companies of a contact: there are none here."""
    with read_connection() as connection:
        views.find(connection, contact_id)
    return {}
