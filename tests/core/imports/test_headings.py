"""Headings of exports of other products."""

import pytest

from app.core.imports import headings
from app.core.imports.fields import Field

VENDORS = {
    "Intercom": (
        "User ID,Name,Email,Phone,Role,Signed up,Last seen,Country,Browser language,Unsubscribed from SMS,Tags",
        "external_id,name,email,phone,role,signed_up_at,ignore,country,language,consent,tags",
    ),
    "Twilio": (
        "contact_id,to,status,source,date_of_consent,sms_status,consent_source",
        "external_id,phone,ignore,ignore,consent_at,consent,consent_note",
    ),
    "Insider": (
        "uuid,name,surname,email,phone_number,sms_optin,gdpr_optin,language,country",
        "external_id,first_name,last_name,email,phone,consent,gdpr_optin,language,country",
    ),
    "Klaviyo": (
        (
            "Email,Klaviyo ID,First Name,Last Name,Phone Number,City,Country,Email Marketing Consent,"
            "SMS Marketing Consent,SMS Marketing Consent Timestamp,Date Added"
        ),
        "email,external_id,first_name,last_name,phone,ignore,country,ignore,consent,consent_at,signed_up_at",
    ),
    "Shopify": (
        (
            "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Country Code,"
            "Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Tags"
        ),
        "external_id,first_name,last_name,email,ignore,country,ignore,phone,consent,ignore,tags",
    ),
    "HubSpot": (
        (
            "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Create Date,Country/Region,"
            "Preferred language,Time Zone"
        ),
        "external_id,first_name,last_name,email,phone,ignore,signed_up_at,country,language,time_zone",
    ),
    "Mailchimp": (
        "Email Address,First Name,Last Name,Phone Number,SMS Phone Number,OPTIN_TIME,TIMEZONE,CC,LEID,TAGS",
        "email,first_name,last_name,ignore,phone,ignore,time_zone,country,external_id,tags",
    ),
}
LANGUAGES = {
    "de": "Vorname,Nachname,E-Mail-Adresse,Telefonnummer,Land,Sprache,SMS-Einwilligung,Erstellungsdatum",
    "fr": "Prénom,Nom,Adresse e-mail,Numéro de téléphone,Pays,Langue,Consentement SMS,Date de création",
    "es": "Nombre,Apellidos,Correo electrónico,Número de teléfono,País,Idioma,Consentimiento SMS,Fecha de creación",
    "pt": "Nome,Sobrenome,Endereço de e-mail,Número de telefone,País,Idioma,Consentimento SMS,Data de criação",
    "ar": "الاسم الأول,اسم العائلة,البريد الإلكتروني,رقم الهاتف,البلد,اللغة,موافقة SMS,تاريخ التسجيل",
    "en": "First name,Last name,Email,Phone,Country,Language,SMS consent,Created at",
}
IN_EVERY_LANGUAGE = "first_name,last_name,email,phone,country,language,consent,signed_up_at"


def guessed(line: str, rows: list[list[str]] | None = None) -> list[str]:
    return [column.code for column in headings.guess(line.split(","), rows or [])]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_headings_of_other_products_are_known(vendor: str) -> None:
    line, expected = VENDORS[vendor]
    assert guessed(line) == expected.split(",")


@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_are_known_in_six_languages(language: str) -> None:
    assert guessed(LANGUAGES[language]) == IN_EVERY_LANGUAGE.split(",")


def test_a_column_without_a_known_heading_is_recognized_by_its_content_or_left_out() -> None:
    rows = [["'+43 664 1234567", "sam@example.com", "436641234567", "1"], ["+436641234568", "eve@example.com", "", ""]]
    assert guessed("a,b,c,d", rows) == ["phone", "email", "ignore", "ignore"]


def test_a_lone_column_of_names_is_the_whole_name() -> None:
    assert guessed("Nom,Email") == ["name", "email"]
    assert guessed("Nombre,Teléfono") == ["name", "phone"]


def test_yes_means_no_in_a_column_of_people_who_left() -> None:
    assert headings.is_inverted("Unsubscribed from SMS")
    assert headings.is_inverted("SMS opted out")
    assert not headings.is_inverted("Accepts SMS Marketing")


def test_each_field_is_guessed_once() -> None:
    columns = headings.guess(["Phone", "Mobile", "phone number", "Email", "E-Mail"], [])
    assert [column.field for column in columns].count(Field.PHONE) == 1
    assert [column.field for column in columns].count(Field.EMAIL) == 1
