"""What the integration check says: the lines of its checklist, what each code means, and how to fix it.

The page of the website translates the sentences, ``assent site check`` prints them. Code is not translated.
"""

from dataclasses import dataclass, replace

from app.core.site.integration_check import PROPERTIES, Check
from app.core.site.sample_rows import PageSamples
from app.core.site.samples import Sample, ValueKind
from app.core.wording import translatable


@dataclass(frozen=True)
class Words:
    """What is wrong, what to do, and what to paste; ``code`` may be empty.

    :param field: the value of ``%(field)s`` in ``problem``; empty: it has none
    """

    problem: str
    mend: str
    code: str = ""
    field: str = ""

    def __str__(self) -> str:
        problem = self.problem % {"field": self.field} if self.field else self.problem
        return f"{problem} {self.mend}".rstrip()


CHECKS = {
    Check.ORIGIN: translatable("The website is allowed"),
    Check.OBJECT: translatable("The page has the user object"),
    Check.SOURCE: translatable("The page uses one source: insider_object or InsiderQueue"),
    Check.PROPERTIES: translatable("phone_number, sms_optin and gdpr_optin are all there"),
    Check.TYPES: translatable("Values have the right types, and none is empty"),
    Check.NUMBER: translatable("The phone number is in E.164 format"),
    Check.FILLED: translatable("The object is filled when a customer is signed in"),
    Check.USER_ID: translatable("uuid is the customer’s own and stays the same"),
    Check.SIGNED: translatable("The signed-in customer is proven by a signature"),
}
# How to see a line that no visitor could show yet.
UNSEEN = {
    Check.OBJECT: translatable(
        "The page loaded the script and sent nothing yet. It may wait for the visitor’s consent."
    ),
    Check.FILLED: translatable("Sign in on your website and open this page again."),
    Check.SIGNED: translatable("Sign in on your website and open this page again."),
    Check.PROPERTIES: translatable("Open this page as a customer with a phone number."),
    Check.NUMBER: translatable("Open this page as a customer with a phone number."),
    Check.USER_ID: translatable("Open this page as a customer with an ID."),
}
EXAMPLES = {
    "uuid": 'uuid: "5f0e6c1a-9b7d-4c53-8a4e-2d1f0b9c7e36",',
    "phone_number": 'phone_number: "+12025550123",',
    "sms_optin": "sms_optin: true,  // or false: what the customer chose",
    "gdpr_optin": "gdpr_optin: true,  // or false: what the customer chose",
    "email": 'email: "sam@example.com",',
}
_SIGN = """# on your server
user_hash = hmac.new(identity_secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()

<!-- in the page, before the snippets -->
<script>window.assent = {user_id: "…", user_hash: "…"}</script>"""
_JWT = """# on your server, for each page
now = int(time.time())
user_jwt = jwt.encode({"user_id": user_id, "iat": now, "exp": now + 3600}, identity_secret, algorithm="HS256")"""
_BY_CODE = {
    "origin:origin_not_allowed": Words(
        translatable("This website is not allowed, so nothing that it sends is used."),
        translatable("Allow it if it is yours. Anyone can copy a snippet."),
    ),
    "user:no_object": Words(
        translatable("The page has neither insider_object.user nor a user in InsiderQueue."),
        translatable("Add it before the snippets. If only signed-in customers have one, sign in and reload the page."),
        "window.insider_object = window.insider_object || {};\nwindow.insider_object.user = {\n  …\n};",
    ),
    "user:not_an_object": Words(
        translatable("The user object is not an object, so nothing in it is used."),
        translatable("Write it with braces."),
        "window.insider_object.user = {\n  …\n};",
    ),
    "user:both_sources": Words(
        translatable("The page has insider_object and InsiderQueue. Only insider_object is read."),
        translatable("Keep one of the two and remove the other, as Insider asks for, too."),
    ),
    "user:missing_when_signed_in": Words(
        translatable("A customer is signed in, and the object has none of their values."),
        translatable("Fill the object when the page is loaded and after each sign-in."),
        "window.insider_object.user = {\n  uuid: customer.id,\n  phone_number: customer.phone,\n"
        "  sms_optin: customer.smsConsent,\n  gdpr_optin: customer.gdprConsent,\n};",
    ),
    "phone_number:not_e164": Words(
        translatable("The phone number is not in E.164: a plus sign, the country code and digits, nothing else."),
        translatable("Send it without spaces, hyphens and leading zeros."),
        EXAMPLES["phone_number"],
    ),
    "phone_number:impossible": Words(
        translatable("The phone number looks like E.164, but no such number exists. It is kept and never texted."),
        translatable("Send the customer’s own number, not an example from the documentation."),
    ),
    "phone_number:not_sms_capable": Words(
        translatable("The phone number is not a mobile number. It is kept and never texted."),
        translatable("Send a number that can receive texts."),
        EXAMPLES["phone_number"],
    ),
    "phone_number:country_not_allowed": Words(
        translatable("The phone number belongs to a country that your workspace does not allow. It is not opted in."),
        translatable("Allow the country in the settings of the workspace if you have customers there."),
    ),
    "phone_number:differs": Words(
        translatable("The object has another phone number than the signed token."),
        translatable("Take both from the same account. The signed number is the one that counts."),
    ),
    "sms_optin:no_subscription_type": Words(
        translatable("sms_optin is true, but no live subscription type is chosen for it."),
        translatable("Choose one in the settings of the workspace."),
    ),
    "uuid:junk": Words(
        translatable("uuid is a value that many visitors share, such as undefined, 0 or anonymous."),
        translatable("Leave uuid out when no one is signed in, so that different people are never merged."),
        "if (customer) user.uuid = customer.id;",
    ),
    "uuid:sequential": Words(
        translatable("uuid can be guessed by counting."),
        translatable("Use a random ID for each customer, and keep it with the account."),
        EXAMPLES["uuid"],
    ),
    "uuid:mismatch": Words(
        translatable("uuid is not the user ID that window.assent or the signature has."),
        translatable("Use the same ID in the object, in window.assent and in the API."),
        'window.insider_object.user.uuid = "42";\nwindow.assent = {user_id: "42", user_hash: "…"};',
    ),
    "uuid:unknown": Words(
        translatable("No contact has this ID yet."),
        translatable("That is right for a new customer. Customers of the API and of imports need the same ID there."),
    ),
    "identity:unsigned": Words(
        translatable("A customer is signed in, and the page does not prove who. It changes no known contact."),
        translatable("Sign the customer’s ID on your server. The secret is on the page Messenger."),
        _SIGN,
    ),
    "identity:user_id_missing": Words(
        translatable("The page sends a user_hash without a user_id."),
        translatable("Send both, for the same ID."),
        _SIGN,
    ),
    "identity:user_hash_wrong": Words(
        translatable("The user_hash does not belong to this user_id and your identity secret."),
        translatable("Create it on your server: HMAC-SHA256 (hex) of exactly this ID, with the current secret."),
        _SIGN,
    ),
    "identity:user_jwt_malformed": Words(
        translatable("The user_jwt is not a JWT with the algorithm HS256."),
        translatable("Create it with a JWT library, with HS256."),
        _JWT,
    ),
    "identity:user_jwt_signature_wrong": Words(
        translatable("The user_jwt is not signed with your identity secret."),
        translatable("Copy the current secret from the page Messenger to your server."),
        _JWT,
    ),
    "identity:user_jwt_expired": Words(
        translatable("The user_jwt has expired."),
        translatable("Create a new one for each page, and do not keep pages with it in a cache."),
        _JWT,
    ),
    "identity:user_jwt_refused": Words(
        translatable("The user_jwt has no user_id, or its times are not valid."),
        translatable("It needs user_id, and iat and exp at most 24 hours apart. Check the clock of your server."),
        _JWT,
    ),
    "identity:unknown_key": Words(
        translatable("A page loads a snippet with a key that does not exist here."),
        translatable("Copy the snippet again: it may be of another installation, or of a form that is gone."),
    ),
}  # fmt: skip
# Where the property makes no difference.
_BY_REASON = {
    "not_a_boolean": Words(
        translatable('%(field)s is not a boolean: it is text, such as "true", or a number.'),
        translatable("Write true or false without quotes."),
    ),
    "not_a_string": Words(translatable("%(field)s is not text."), translatable("Put the value in quotes.")),
    "empty": Words(
        translatable("%(field)s is there without a value."), translatable("Leave the key out while there is no value.")
    ),
    "missing": Words(
        translatable("%(field)s is missing."),
        translatable("Add it for customers who decided. A missing value is no consent."),
    ),
    "too_long": Words(translatable("%(field)s is too long."), translatable("Use at most 255 characters.")),
    "not_an_email": Words(
        translatable("%(field)s is not an email address."), translatable("Send it as it is, or leave it out.")
    ),
}
_SAME = {"identity:user_id_mismatch": "uuid:mismatch"}


def words_for(code: str) -> Words:
    """The words for a code such as ``sms_optin:not_a_boolean``. Of an unknown code they are the code."""
    code = _SAME.get(code, code)
    field, _, reason = code.partition(":")
    if found := _BY_CODE.get(code):
        return found
    if reason not in _BY_REASON:
        return Words(code, "")
    found = _BY_REASON[reason]
    examples = {"too_long": "", "empty": f"if (customer.{field}) user.{field} = customer.{field};"}
    return replace(found, code=examples.get(reason, EXAMPLES.get(field, "")), field=field)


def corrected(page: PageSamples) -> str:
    """The page's object as it should be: in its own form, with the booleans that it had. Empty: it has no object."""
    sample = next((each for each in page.samples if each.source), None)
    if sample is None:
        return ""
    lines = "\n".join(f"    {_line(sample, name)}" for name in ("uuid", *PROPERTIES) if _is_used(sample, name))
    if sample.source == "InsiderQueue":
        return (
            "window.InsiderQueue = window.InsiderQueue || [];\n"
            f'window.InsiderQueue.push({{\n  type: "user",\n  value: {{\n{lines}\n  }},\n}});'
        )
    return f"window.insider_object = {{\n  user: {{\n{lines}\n  }},\n}};"


def _is_used(sample: Sample, name: str) -> bool:
    return name in PROPERTIES or sample.is_signed_in or sample.uuid == ValueKind.GIVEN


def _line(sample: Sample, name: str) -> str:
    kind: ValueKind = getattr(sample, name)
    return f"{name}: {kind.value}," if kind in {ValueKind.TRUE, ValueKind.FALSE} else EXAMPLES[name]
