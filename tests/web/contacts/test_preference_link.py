"""The link to a contact's preference center, for agents to pass on."""

import re

from flask.testing import FlaskClient

from app.core.preferences import links
from app.db import Database
from app.models import EvidenceLevel
from tests import make
from tests.web import pages


def test_an_agent_gets_the_link_once_and_it_opens_the_contacts_own_page(
    ana: FlaskClient, client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        make.live_type(session)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
    page = f"/contacts/{sam.public_id}"
    shown = pages.submit(ana, f"{page}/preference-link", {}, page=page, follow_redirects=True).get_data(as_text=True)
    found = re.search(r'value="http://localhost/p/([\w-]{16})"', shown)
    assert found
    assert found[1] not in ana.get(page).get_data(as_text=True)
    with database.read_only() as session:
        link = links.find(session, found[1])
    assert (link.contact_id, link.level) == (sam.id, EvidenceLevel.PERSONAL_LINK)
    assert 'data-state="preferences"' in client.get(f"/p/{found[1]}").get_data(as_text=True)
    assert client.post(f"{page}/preference-link").status_code in {302, 400}
