"""The attributes of contacts, Intercom's ``data_attributes``."""

from typing import Any

from app.core.contacts import attributes
from app.schemas.attribute import AttributeListSchema, AttributeQuerySchema
from app.web.api import auth
from app.web.api.blueprint import ApiBlueprint
from app.web.api.etags import use_etag

blueprint = ApiBlueprint("data_attributes", __name__, description="What is known of contacts, by name.")


@blueprint.get("/data_attributes")
@blueprint.arguments(AttributeQuerySchema, location="query")
@blueprint.response(200, AttributeListSchema)
def list_data_attributes(query: dict[str, Any]) -> dict[str, Any]:
    """List the attributes of contacts.

    Custom attributes are those of the 10,000 contacts that changed last. `model` company and conversation have none.
    """
    use_etag()
    return {"data": attributes.of_contacts(auth.read_session()) if query["model"] == "contact" else []}
