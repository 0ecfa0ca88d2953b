"""A lawyer asks: staff open the evidence, download the receipt, and two programs verify it without the server."""

import importlib.util
import json
import subprocess
from pathlib import Path

from click.testing import CliRunner
from playwright.sync_api import Page, expect

from app.cli import receipts as commands
from app.core import wording
from app.core.contacts import erase
from app.core.ledger import sealing, signing_keys
from app.core.proof import bundle
from app.db import Database
from app.models import Contact
from tests import make
from tests.browser.conftest import sign_in
from tests.make import NOON, SAMS_NUMBER

WORDS = {"brand": "Harbour Coffee", "form_title": "Hear it first", "legal_html": "<p>Reply STOP.</p>", "button": "Join"}


def test_a_downloaded_receipt_verifies_offline_and_show_me_works_after_an_erasure(
    page: Page, address: str, database: Database, tmp_path: Path
) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, name="Sam", phone_number=SAMS_NUMBER)
        evidence = make.evidence(words=wording.freeze("en", WORDS), locale="en")
        make.opt_in(session, sam, make.live_type(session), evidence=evidence)
    sealing.seal(database)
    with database.read_only() as session:
        jwks = {"keys": [signing_keys.jwk(each) for each in signing_keys.all_keys(session)]}
    (tmp_path / "keys.json").write_text(json.dumps(jwks), encoding="utf-8")
    sign_in(page, address)

    page.goto(f"{address}/contacts/{sam.public_id}")
    page.get_by_text("Proof of event").click()
    page.get_by_role("link", name="Receipt of event").click()
    expect(page.get_by_text("Hear it first")).to_be_visible()
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_text("A phone number, email address or web address of the sender")).to_be_visible()
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    page.emulate_media(media="screen")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download receipt").click()
    download.value.save_as(tmp_path / "receipt.json")
    files = [str(tmp_path / "receipt.json"), str(tmp_path / "keys.json")]
    ours = CliRunner().invoke(commands.verify, [files[0], "--keys", files[1]])
    assert (ours.exit_code, ours.output.splitlines()[-1][:8]) == (0, "VERIFIED")
    (tmp_path / bundle.VERIFIER).write_text(bundle.verifier(), encoding="utf-8")
    theirs = subprocess.run([_node(), tmp_path / bundle.VERIFIER, *files], capture_output=True, text=True, check=False)
    assert (theirs.returncode, theirs.stdout) == (0, "verified\n")

    with database.unit_of_work() as session:
        erase.erase(session, session.get_one(Contact, sam.id), actor="agent:1", at=NOON)
    page.get_by_role("link", name="Proof of consent").click()
    page.get_by_label("Phone number or email address").fill("001 (202) 555-0123")
    page.get_by_role("button", name="Show everything").click()
    expect(page.locator("article.event").first).to_contain_text("The evidence was erased. Only the event is left.")
    expect(page.get_by_text("Hear it first")).to_have_count(0)
    expect(page).to_have_url(f"{address}/show-me")
    with page.expect_download() as file:
        page.get_by_role("button", name="Download for a lawyer").click()
    assert file.value.suggested_filename.startswith("consent-record-")


def _node() -> str:
    """The JavaScript engine that Playwright brings along."""
    spec = importlib.util.find_spec("playwright")
    assert spec
    assert spec.origin
    return str(Path(spec.origin).parent / "driver" / "node")
