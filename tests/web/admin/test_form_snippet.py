"""The snippet of a form has what was chosen: where the form appears, and when."""

import html as markup

import pytest
from flask.testing import FlaskClient

from app.db import Database
from app.models import OptInForm
from tests import make

BASE = "http://localhost/embed.js"


@pytest.fixture
def form(database: Database) -> OptInForm:
    with database.unit_of_work() as session:
        return make.form(session)


@pytest.mark.parametrize(
    ("query", "attributes", "address"),
    [
        ("", "", ""),
        ("?place=inline&when=after&amount=9", "", ""),
        ("?place=corner", ' data-place="corner"', "&amp;place=corner"),
        ("?place=banner&when=after", ' data-place="banner" data-after="10"', "&amp;place=banner&amp;after=10"),
        ("?place=corner&when=scroll&amount=900", ' data-place="corner" data-scroll="100"', None),
        ("?place=corner&when=scroll&amount=-1", ' data-place="corner" data-scroll="50"', None),
        ("?place=corner&when=exit&amount=7", ' data-place="corner" data-exit="1"', "&amp;place=corner&amp;exit=1"),
        ("?place=roof&when=%22", "", ""),
        ("?place=corner&when=%22%3E&amount=%22", ' data-place="corner"', "&amp;place=corner"),
    ],
)
def test_the_snippets_have_the_place_and_the_moment_that_were_chosen(
    max_: FlaskClient, form: OptInForm, query: str, attributes: str, address: str | None
) -> None:
    page = markup.unescape(max_.get(f"/admin/forms/{form.id}{query}").text)
    assert f'<script src="{BASE}" data-form="{form.key}"{attributes} async></script>' in page
    if address is not None:
        assert f'<script src="{BASE}?form={form.key}{address}" async></script>' in page
