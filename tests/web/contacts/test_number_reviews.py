"""The page of numbers that wait for a decision."""

from flask.testing import FlaskClient

from app.core.signing import keys_of
from app.db import Database
from app.models import Suppression
from tests import make
from tests.core.inbound import texting
from tests.make import EVES_NUMBER, SAMS_NUMBER
from tests.web import pages

PATH = "/number-reviews"


def test_ana_reads_what_they_wrote_and_decides_with_a_note(ana: FlaskClient, database: Database) -> None:
    assert "Nothing to review" in ana.get(PATH).text
    with database.unit_of_work() as session:
        make.contact(session, name="Sam Rivera", phone_number=SAMS_NUMBER)
        texting.send(session, "leave me alone <b>")
        texting.send(session, "wrong number", sender=EVES_NUMBER)
        sams, eves = (keys_of(session).destination_hash(each) for each in (SAMS_NUMBER, EVES_NUMBER))
    html = ana.get(PATH).text
    for shown in (
        "Sam Rivera",
        "leave me alone &lt;b&gt;",
        "No contact has this number",
        '<b class="badge number">2</b>',
    ):
        assert shown in html
    assert html.count("Read as “wrong number”") == 1
    address, note = f"{PATH}/{sams}", f"review-{sams[:8]}-note"
    decision = f"review-{sams[:8]}-decision"
    refused = pages.submit(ana, address, page=PATH, values={note: " ", decision: "keep"})
    assert refused.status_code == 422
    assert "Say why" in refused.text
    kept = {note: "They mean it.", decision: "keep"}
    assert "Texts stay stopped" in pages.submit(ana, address, page=PATH, values=kept, follow_redirects=True).text
    data = {f"review-{eves[:8]}-note": "Checked.", f"review-{eves[:8]}-decision": "release"}
    assert pages.submit(ana, f"{PATH}/{eves}", page=PATH, values=data).status_code == 303
    assert "Nothing to review" in ana.get(PATH).text
    with database.read_only() as session:
        assert session.get_one(Suppression, sams).cause == "keyword"
        assert session.get(Suppression, eves) is None
