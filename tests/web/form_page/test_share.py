"""QR codes and the height of a plain iframe."""

from app.core.forms.content import FormContent, FormText
from app.web.form_page import share


def test_the_qr_code_is_an_svg_that_a_page_with_a_strict_policy_shows() -> None:
    svg = share.qr_svg("https://consent.example.com/f/form/KEY", title="Offers & more")
    assert svg.startswith("<svg ")
    assert "<title>Offers &amp; more</title>" in svg
    assert "style=" not in svg


def test_the_height_of_a_plain_iframe_grows_with_the_longest_translation() -> None:
    short = FormText("Offers", legal_text="You agree.")
    texts = {"en": short, "de": FormText("Angebote", legal_text="Sie stimmen zu. " * 30)}
    one = share.iframe_height(FormContent(1, {"en": short}), "sms")
    both = share.iframe_height(FormContent(1, texts), "sms")
    assert both > one + 200
    assert share.iframe_height(FormContent(1, texts), "email") < both
