"""The page of a form: headers, languages, size, number of statements."""

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core.forms.content import FormText
from app.core.wording import LOCALES
from app.core.workspace import settings
from app.db import Database
from tests import make
from tests.listening import before_statements
from tests.web.embed.page import answer, open_form

SHOP = "https://shop.example.com"


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The SQL statements that run in the test, in order."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    database.trace = sent.append
    with before_statements(database, note):
        yield sent
    database.trace = None


def fetched(client: FlaskClient, address: str) -> TestResponse:
    """The response with a file, read completely and closed."""
    with client.get(address) as response:
        response.get_data()
        return response


def test_only_the_allowed_origins_may_frame_it(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"allowed_origins": ["https://www.example.com"]}, actor="agent:1", at=make.NOON)
        key = make.form(session, allowed_origins=(SHOP,)).key
    headers = client.get(f"/f/form/{key}").headers
    policy = headers["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors 'self' {SHOP} https://www.example.com")
    assert "unsafe-inline" not in policy
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in headers
    assert "Cookie" not in headers.get("Vary", "")
    assert "X-Frame-Options" not in headers


def test_an_unknown_address_is_a_404_that_can_be_read_in_any_frame(client: FlaskClient) -> None:
    for path in ("/f/form/nobody", "/f/nobody"):
        page = open_form(client, path, language="de")
        assert (page.status, page.state, page.root["lang"]) == (404, "error", "de")
        assert page.response.headers["Content-Security-Policy"].endswith("frame-ancestors *")
        assert client.post(path, data={"phone": make.SAMS_NUMBER}).status_code == 404


SANDBOXED = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}


def test_a_frame_with_sandbox_can_answer_and_load_the_files_of_the_page(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
        token = make.inserted(session, form, make.contact(session, phone_number=make.SAMS_NUMBER)).token
    for path, typed in ((f"/f/form/{form.key}", make.EVES_NUMBER), (f"/f/{token}", None)):
        page = open_form(client, path)
        seen = client.post(f"{path}/seen", data=page.fields, headers=SANDBOXED)
        assert (seen.status_code, seen.headers["Cross-Origin-Resource-Policy"]) == (204, "cross-origin")
        assert answer(client, page, typed, headers=SANDBOXED).state == "done"
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.response.text):
        headers = fetched(client, address).headers
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Access-Control-Allow-Origin" not in fetched(client, "/static/css/tokens.css").headers


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://eve.example.com", "Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_other_sites_cannot_answer_even_with_a_page_of_ours(
    client: FlaskClient, database: Database, headers: dict[str, str]
) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    page = open_form(client, f"/f/form/{key}")
    assert answer(client, page, make.SAMS_NUMBER, headers=headers).status == 403
    assert answer(client, page, make.SAMS_NUMBER, shown="forged", headers=SANDBOXED).status == 403


def test_a_page_that_is_isolated_from_other_origins_may_frame_it(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    for path in (f"/f/form/{key}", "/f/nobody"):
        headers = client.get(path).headers
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_the_accent_is_the_only_inline_style_and_is_allowed_by_its_hash(
    client: FlaskClient, database: Database
) -> None:
    import base64
    import hashlib

    with database.unit_of_work() as session:
        key = make.form(session, accent_color="#FFDD00").key
    response = client.get(f"/f/form/{key}")
    style = re.search(r"<style>(.*?)</style>", response.text)
    assert style
    assert "--accent:#ffdd00;--on-accent:#101414" in style[1]
    hashed = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{hashed}'" in response.headers["Content-Security-Policy"]
    assert " style=" not in response.text
    assert "onclick" not in response.text


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_has_its_own_texts_and_direction(client: FlaskClient, database: Database, locale: str) -> None:
    with database.unit_of_work() as session:
        texts = {each: FormText(f"Texts in {each}") for each in LOCALES}
        key = make.form(session, texts=texts).key
    page = open_form(client, f"/f/form/{key}", language=locale.replace("_", "-"))
    assert page.root["lang"] == locale.replace("_", "-")
    assert page.root["dir"] == ("rtl" if locale == "ar" else "ltr")
    words = {
        "en": "Sign Up Now",
        "es": "Suscribirme ahora",
        "fr": "M’inscrire maintenant",
        "de": "Jetzt anmelden",
        "pt_BR": "Quero me inscrever",
        "ar": "اشترك الآن",
    }
    assert words[locale] in page.text
    refused = answer(client, page, "12", headers={"Accept-Language": locale.replace("_", "-")})
    assert "aria-invalid" in refused.response.text
    assert refused.state == "ask"
    if locale != "en":
        assert "Start with +" not in refused.text


def test_a_form_is_in_the_readers_language_or_wholly_in_its_own(client: FlaskClient, database: Database) -> None:
    texts = {
        "en": FormText("Offers by text", "Join", "Be **nice**.", "Welcome!"),
        "es": FormText("Ofertas por mensaje", "Unirme", "Sé **amable**.", "¡Hola!"),
    }
    with database.unit_of_work() as session:
        key = make.form(session, texts=texts).key
        sam = make.contact(session, locale="es-MX", phone_number=make.SAMS_NUMBER)
        token = make.inserted(session, make.form(session, texts=texts), sam).token
    spanish = open_form(client, f"/f/form/{key}", language="es-AR,es;q=0.9")
    assert "Ofertas por mensaje" in spanish.text
    assert "<strong>amable</strong>" in spanish.response.text
    assert "¡Hola!" in answer(client, spanish, "+541123456789").text
    arabic = open_form(client, f"/f/form/{key}", language="ar")
    assert arabic.root == {"lang": "en", "dir": "ltr"}
    assert "You can withdraw your consent at any time." in arabic.text
    assert open_form(client, f"/f/{token}", language="fr").root["lang"] == "es"


def test_numbers_are_isolated_left_to_right_in_arabic(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        token = make.inserted(
            session, make.form(session, texts={"en": FormText("Texts"), "ar": FormText("رسائل")}), sam
        ).token
    page = open_form(client, f"/f/{token}", language="ar")
    assert page.root["dir"] == "rtl"
    assert '<bdi dir="ltr">+1 ••• ••• ••23</bdi>' in page.response.text


@pytest.mark.parametrize(
    ("contact", "shown"),
    [
        ("help@example.com", '<a href="mailto:help@example.com"><bdi>help@example.com</bdi></a>'),
        ("the <desk> 'downstairs'", "<bdi>the &lt;desk&gt; &#x27;downstairs&#x27;</bdi>"),
    ],
)
def test_a_person_whose_number_is_not_the_saved_one_gets_a_link_to_write_to(
    client: FlaskClient, database: Database, contact: str, shown: str
) -> None:
    with database.unit_of_work() as session:
        settings.change(session, {"help_contact": contact}, actor="agent:1", at=make.NOON)
        sam = make.contact(session, phone_number=make.SAMS_NUMBER)
        token = make.inserted(session, make.form(session), sam).token
    page = open_form(client, f"/f/{token}")
    assert page.state == "saved"
    assert f"Not your number? Write to {shown} before you sign up." in page.response.text


def test_the_whole_embed_weighs_at_most_12_kb(client: FlaskClient, database: Database) -> None:
    legal = "By signing up you agree to get texts from us, at most four a month. " * 12
    with database.unit_of_work() as session:
        key = make.form(session, texts={"en": FormText("Texts from Harbour Coffee", legal_text=legal)}).key
    html = client.get(f"/f/form/{key}").text
    assets = re.findall(r'(?:href|src)="(/static/[^"]+)"', html)
    assert len(assets) == 2
    parts = [html.encode(), *(fetched(client, address).data for address in assets)]
    assert sum(len(gzip.compress(part)) for part in parts) <= 12_000
    assert not re.search(r'(?:href|src|action)="(?:https?:)?//', html)


def test_responses_are_compressed_for_browsers_that_accept_it(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    asked = {"Accept-Encoding": "gzip, br"}
    for address in (f"/f/form/{key}", "/static/css/embed.css", "/embed.js"):
        with client.get(address, headers=asked) as small, client.get(address) as plain:
            assert small.headers.get("Content-Encoding") == "br", address
            assert len(small.get_data()) < len(plain.get_data())
            assert "Accept-Encoding" in small.headers["Vary"]
    assert "Content-Encoding" not in client.get("/sign-in", headers=asked).headers


def test_static_files_are_cached_forever_at_their_hashed_address(client: FlaskClient, database: Database) -> None:
    with database.unit_of_work() as session:
        key = make.form(session).key
    style = re.findall(r'href="(/static/[^"]+)"', client.get(f"/f/form/{key}").text)[0]
    assert "immutable" in fetched(client, style).headers["Cache-Control"]
    assert "immutable" not in fetched(client, style.partition("?")[0]).headers["Cache-Control"]
    loader = fetched(client, "/embed.js")
    assert (loader.status_code, loader.mimetype) == (200, "text/javascript")
    assert loader.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.databases("sqlite", "postgresql")
def test_showing_a_form_takes_at_most_three_statements_and_writes_nothing(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        form = make.form(session)
        token = make.inserted(session, form, make.contact(session, phone_number=make.SAMS_NUMBER)).token
    for path in (f"/f/form/{form.key}", f"/f/{token}"):
        for _ in range(2):
            with statements(database) as sent:
                assert client.get(path).status_code == 200
            assert 1 <= len(sent) <= 3, sent
            assert all(statement.lstrip().startswith("SELECT") for statement in sent)


@pytest.mark.databases("sqlite", "postgresql")
def test_an_answer_and_the_page_after_it_take_at_most_twelve_statements(
    client: FlaskClient, database: Database
) -> None:
    with database.unit_of_work() as session:
        subscription_type = make.live_type(session)
        form = make.form(session, subscription_type)
        contacts = [make.contact(session, phone_number=number) for number in (make.SAMS_NUMBER, None)]
        tokens = [make.inserted(session, form, contact).token for contact in contacts]
    pages = [
        (f"/f/form/{form.key}", "+12025550101"),
        (f"/f/form/{form.key}", "+12025550101"),
        (f"/f/{tokens[0]}", None),
        (f"/f/{tokens[1]}", make.EVES_NUMBER),
    ]
    for path, typed in pages:
        page = open_form(client, path)
        with statements(database) as sent:
            assert answer(client, page, typed).state == "done"
        assert len(sent) <= 12, "\n".join(sent)
    with database.unit_of_work() as session:
        make.opt_out(session, contacts[0], subscription_type, at=make.clock.now())
    page = open_form(client, f"/f/{tokens[0]}")
    with statements(database) as sent:
        assert answer(client, page).state == "done"
    assert len(sent) <= 12, "\n".join(sent)
