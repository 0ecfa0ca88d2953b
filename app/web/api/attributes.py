"""The attributes of contacts, Intercom's ``data_attributes``."""

from typing import Any, NoReturn

from app.core.contacts import attributes
from app.core.errors import NotAvailable
from app.schemas.attribute import AttributeListSchema, AttributeQuerySchema, AttributeSchema
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


@blueprint.post("/data_attributes", errors=(422,))
@blueprint.response(200, AttributeSchema)
def create_data_attribute() -> NoReturn:
    """Always refused (`not_available`): attributes need no definition.

    Set them in a contact's `custom_attributes`, by any name. A list of allowed values, a description or a type that
    other values are refused for cannot be kept.
    """
    raise NotAvailable(
        "Attributes need no definition, and none can be made: set them in the “custom_attributes” of contacts."
    )
