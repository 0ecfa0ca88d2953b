"""Which field a column probably is: by its heading in the exports of other products, or by what is in it.

Sources: the exports of Intercom, Twilio, Insider, Klaviyo, Shopify, HubSpot and Mailchimp, in English, German, French,
Spanish, Portuguese and Arabic.
"""

import re
from collections.abc import Mapping, Sequence

from app.core import typed_text
from app.core.bulk import contact_columns
from app.core.imports.fields import AttributeType, Column, Field

_HEADINGS: Mapping[Field, str] = {
    Field.EXTERNAL_ID: (
        "external id|user id|userid|customer id|uuid|user uuid|klaviyo id|profile id|record id|unique name|leid|euid|"
        "contact id|benutzer id|kunden id|kundennummer|datensatz id|id utilisateur|identifiant|identifiant client|"
        "id client|id externe|id de usuario|id de cliente|identificador|id externo|id de registro|id do usuario|"
        "id do cliente|id do registro|معرف المستخدم|معرف العميل|المعرف الخارجي|id"
    ),
    Field.ROLE: "role|contact role|rolle|rol|papel|الدور",
    Field.NAME: (
        "name|full name|fullname|contact name|profile name|display name|vollstandiger name|kontaktname|nom complet|"
        "nombre completo|nome completo|nome do contato|الاسم|الاسم الكامل"
    ),
    Field.FIRST_NAME: (
        "first name|firstname|fname|given name|first|vorname|prenom|nombre|primer nombre|nome|primeiro nome|الاسم الاول"
    ),
    Field.LAST_NAME: (
        "last name|lastname|lname|surname|family name|last|nachname|familienname|nom|nom de famille|apellido|apellidos|"
        "sobrenome|apelido|اسم العائلة|الاسم الاخير|اللقب"
    ),
    Field.EMAIL: (
        "email|e mail|email address|e mail address|mail|contact email|e mail adresse|email adresse|adresse e mail|"
        "adresse email|courriel|correo|correo electronico|direccion de correo electronico|endereco de e mail|"
        "endereco de email|البريد الالكتروني|عنوان البريد الالكتروني|ايميل"
    ),
    Field.PHONE: (
        "sms phone number|sms phone|sms number|phone|phone number|mobile|mobile phone|mobile number|"
        "mobile phone number|cell|cell phone|telephone|"
        "phone number id|to|from|whatsapp phone number|contact phone|msisdn|"
        "telefon|telefonnummer|handy|handynummer|mobilnummer|mobiltelefon|mobiltelefonnummer|rufnummer|"
        "numero de telephone|portable|telephone portable|numero de portable|numero de telephone mobile|"
        "telefono|numero de telefono|movil|telefono movil|celular|numero de telefono movil|"
        "telefone|numero de telefone|telemovel|numero de celular|telefone celular|"
        "رقم الهاتف|الهاتف|هاتف|رقم الجوال|الجوال|الهاتف المحمول|رقم الهاتف المحمول"
    ),
    Field.COUNTRY: (
        "country|country code|country region|default address country code|cc|country iso|land|landercode|"
        "land region|pays|code pays|pays region|pais|codigo de pais|pais region|codigo do pais|البلد|الدولة|رمز البلد"
    ),
    Field.LANGUAGE: (
        "language|locale|preferred language|language override|browser language|sprache|bevorzugte sprache|langue|"
        "langue preferee|idioma|idioma preferido|lingua|اللغة|اللغة المفضلة"
    ),
    Field.TIME_ZONE: "time zone|timezone|zeitzone|fuseau horaire|zona horaria|fuso horario|المنطقة الزمنية",
    Field.SIGNED_UP_AT: (
        "signed up|signed up at|signup date|created|created at|create date|created date|date added|date created|"
        "profile created on|customer since|registriert am|erstellt|erstellt am|erstellungsdatum|inscrit le|cree le|"
        "date de creation|date d inscription|registrado|fecha de registro|fecha de creacion|creado|criado em|"
        "data de criacao|data de inscricao|تاريخ التسجيل|تاريخ الانشاء"
    ),
    Field.TAGS: "tags|tag|labels|etiketten|schlagworter|etiquettes|etiquetas|marcadores|الوسوم|العلامات",
    Field.CONSENT: (
        "sms marketing consent|accepts sms marketing|sms consent|sms optin|sms opt in|sms subscribed|sms status|"
        "sms marketing status|sms subscription status|sms marketing subscription status|sms permission|"
        "unsubscribed from sms|sms opted out|sms opt out|consent state|"
        "sms einwilligung|sms marketing einwilligung|akzeptiert sms marketing|consentement sms|"
        "accepte le marketing sms|"
        "consentement marketing sms|consentimiento sms|acepta marketing por sms|consentimiento de marketing por sms|"
        "consentimento sms|aceita marketing por sms|consentimento de marketing por sms|"
        "موافقة sms|الموافقة على الرسائل القصيرة|موافقة الرسائل النصية"
    ),
    Field.CONSENT_AT: (
        "sms marketing consent timestamp|sms consent timestamp|sms consent date|sms consent at|sms optin date|"
        "sms opt in date|sms optin time|date of consent|consent date|consent at|consent changed at|sms opted in at|"
        "datum der einwilligung|einwilligungsdatum|date du consentement|fecha de consentimiento|"
        "fecha del consentimiento|data do consentimento|تاريخ الموافقة"
    ),
    Field.CONSENT_NOTE: (
        "sms marketing consent source|sms consent source|sms consent method|consent source|consent method|consent note|"
        "sms source|quelle der einwilligung|source du consentement|origen del consentimiento|fuente del consentimiento|"
        "origem do consentimento|مصدر الموافقة"
    ),
    Field.GDPR_OPTIN: "gdpr optin|gdpr opt in",
}


def plain(heading: str) -> str:
    """A heading in lower case without accents and signs, to compare."""
    text = typed_text.without_marks(typed_text.visible(heading))
    return " ".join(re.sub(r"[\W_]+", " ", text.replace("ß", "ss")).split())


_FIELDS: Mapping[str, tuple[Field, int]] = {
    plain(heading): (field, rank)
    for field, listed in _HEADINGS.items()
    for rank, heading in enumerate(listed.split("|"))
}
# Our own export. When a contact was created here is no date of the person, so it is not imported.
_ASSENTS = {contact_columns.ID, contact_columns.EXTERNAL_ID, contact_columns.COUNTRY, contact_columns.LANGUAGE}
_FIXED = {
    contact_columns.ID: Field.CONTACT_ID,
    contact_columns.EXTERNAL_ID: Field.EXTERNAL_ID,
    contact_columns.ROLE: Field.ROLE,
    contact_columns.NAME: Field.NAME,
    contact_columns.PHONE: Field.PHONE,
    contact_columns.EMAIL: Field.EMAIL,
    contact_columns.COUNTRY: Field.COUNTRY,
    contact_columns.LANGUAGE: Field.LANGUAGE,
    contact_columns.TIME_ZONE: Field.TIME_ZONE,
    contact_columns.TAGS: Field.TAGS,
    contact_columns.GDPR_OPTIN: Field.GDPR_OPTIN,
}
_OF_SUBSCRIPTION = {contact_columns.STATE: Field.CONSENT, contact_columns.SINCE: Field.CONSENT_AT}
# Columns in which "yes" means that the person does not want texts.
_INVERTED = re.compile(r"unsubscribed|opted out|opt out|abgemeldet|desinscrit|baja|descadastrado")
_NUMBER = re.compile(r"\+\d[\d\s().-]{6,20}")
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
# In so many of the cells that are not empty.
_MOST = 0.8


def guess(headings: Sequence[str], samples: Sequence[Sequence[str]]) -> list[Column]:
    """The column that each heading probably is. A field is guessed once: the heading that is listed first gets it.

    A file without a known heading of numbers or addresses is looked at: a column of numbers with ``+`` holds phone
    numbers. Everything else is not imported until a person decides so.

    :param samples: the first rows
    """
    if set(headings) >= _ASSENTS:
        return _of_assent(headings)
    known = [_FIELDS.get(plain(heading)) for heading in headings]
    columns = [Column(Field.IGNORE) for _ in headings]
    for field in Field:
        ranked = [(found[1], index) for index, found in enumerate(known) if found and found[0] == field]
        if ranked:
            columns[min(ranked)[1]] = Column(field)
    _refine_names(headings, columns)
    for field, pattern in ((Field.PHONE, _NUMBER), (Field.EMAIL, _ADDRESS)):
        if field not in {column.field for column in columns}:
            _guess_by_content(columns, samples, field, pattern)
    return columns


def of_type(headings: Sequence[str], columns: Sequence[Column], type_id: int) -> list[Column]:
    """The columns, with the consents of this subscription type where the file is our own export."""
    return _of_assent(headings, type_id) if set(headings) >= _ASSENTS else list(columns)


def type_of(heading: str) -> int | None:
    """The subscription type that a heading of our own export is about; null for other headings."""
    part = contact_columns.subscription_part(heading)
    return part[0] if part else None


def _of_assent(headings: Sequence[str], type_id: int | None = None) -> list[Column]:
    """The columns of our own export. An import is about one subscription type: null is the first one in the file."""
    if type_id is None:
        type_id = next((found for each in headings if (found := type_of(each)) is not None), None)
    columns = []
    for heading in headings:
        column = Column(_FIXED.get(heading, Field.IGNORE))
        if name := contact_columns.custom_name(heading):
            column = Column(Field.ATTRIBUTE, name, AttributeType.AS_EXPORTED)
        if (part := contact_columns.subscription_part(heading)) and part[0] == type_id:
            column = Column(_OF_SUBSCRIPTION.get(part[1], Field.IGNORE))
        columns.append(column)
    return columns


def is_inverted(heading: str) -> bool:
    """Whether "yes" in a column of consents with this heading means no, as in ``Unsubscribed from SMS``."""
    return bool(_INVERTED.search(plain(heading)))


def _refine_names(headings: Sequence[str], columns: list[Column]) -> None:
    """A lone column ``nom``, ``nombre`` or ``nome`` is the whole name; ``name`` beside ``surname`` is the first one."""
    fields = [column.field for column in columns]
    for lone, other in ((Field.LAST_NAME, Field.FIRST_NAME), (Field.FIRST_NAME, Field.LAST_NAME)):
        if lone in fields and other not in fields and Field.NAME not in fields:
            index = fields.index(lone)
            if plain(headings[index]) in {"nom", "nombre", "nome"}:
                columns[index] = Column(Field.NAME)
    if Field.NAME in fields and Field.LAST_NAME in fields and Field.FIRST_NAME not in fields:
        index = fields.index(Field.NAME)
        if plain(headings[index]) == "name":
            columns[index] = Column(Field.FIRST_NAME)


def _guess_by_content(
    columns: list[Column], samples: Sequence[Sequence[str]], field: Field, pattern: re.Pattern[str]
) -> None:
    for index, column in enumerate(columns):
        cells = [row[index].strip().lstrip("'") for row in samples if index < len(row) and row[index].strip()]
        matching = sum(bool(pattern.fullmatch(cell)) for cell in cells)
        if column.field == Field.IGNORE and cells and matching >= _MOST * len(cells):
            columns[index] = Column(field)
            return
