"""The tree of errors. Each has a stable ``code``, the ``field`` at fault, and a sentence that says what to do.

AssentError
├── InvalidInput            the value of one field is invalid
│   └── DestinationRefused  a number or address that cannot be opted in (``core/phone.py``, ``core/email.py``)
├── ImmutableField          channel and consent type never change once saved
├── InvalidState            the current state does not allow this step
│   └── Conflict            another row has this value already
│       └── Duplicate       another contact has it, which ``public_id`` names
├── NotFound                it does not exist, or you may not see it; both get the same response
│   └── Merged              the contact was merged into another one, which ``into`` names
├── NotAvailable            this version, or the settings of this workspace, do not offer that
├── Unauthorized            the caller is not authenticated
├── Forbidden               the caller may not do this
└── TooMany                 a rate limit is exceeded; ``retry_after_s`` says when it ends
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

# A text is shown as it is, an integer with the separators of the reader's language; a function makes the text for a
# locale, such as the name of a country.
Value = str | int | Callable[[str], str]


class AssentError(Exception):
    """A rule refuses a request. Each application has one error handler that makes a response of it.

    ``message`` is the sentence in English. Staff pages show it in the reader's language (``web/i18n.py``).

    :param sentence: a constant, so that the catalogs have it, with ``%(name)s`` where ``values`` has a name
    """

    code = "error"

    def __init__(self, sentence: str, *, field: str | None = None, code: str | None = None, **values: Value) -> None:
        self.sentence = sentence
        self.values = values
        self.message = sentence % {name: _in_english(value) for name, value in values.items()} if values else sentence
        super().__init__(self.message)
        self.field = field
        self.code = code or self.code


class InvalidInput(AssentError):
    code = "parameter_invalid"


class DestinationRefused(InvalidInput):
    """``code`` is one of ``phone.REFUSALS`` or ``email.REFUSALS``; pages show the sentence in the reader's language.

    :param assumed_country: ISO code of the country that a number without a country code was read in, or that is not
        allowed; null: neither
    """

    def __init__(
        self, sentence: str, *, field: str, code: str, assumed_country: str | None = None, **values: Value
    ) -> None:
        super().__init__(sentence, field=field, code=code, **values)
        self.assumed_country = assumed_country


class ImmutableField(AssentError):
    code = "immutable_field"


class InvalidState(AssentError):
    code = "invalid_state"


class Conflict(InvalidState):
    code = "conflict"


class Duplicate(Conflict):
    def __init__(self, sentence: str, *, public_id: str) -> None:
        super().__init__(sentence, id=public_id)
        self.public_id = public_id


class NotFound(AssentError):
    code = "not_found"


class Merged(NotFound):
    code = "contact_merged"

    def __init__(self, sentence: str, *, into: str, **values: Value) -> None:
        super().__init__(sentence, field=None, code=None, **values)
        self.into = into


class NotAvailable(AssentError):
    code = "not_available"


class Unauthorized(AssentError):
    code = "unauthorized"


class Forbidden(AssentError):
    code = "forbidden"


class TooMany(AssentError):
    code = "rate_limit_exceeded"

    def __init__(self, sentence: str, *, retry_after_s: int, **values: Value) -> None:
        super().__init__(sentence, field=None, code=None, **values)
        self.retry_after_s = retry_after_s


@contextmanager
def named(field: str, *, instead_of: str | None = None) -> Iterator[None]:
    """Name the field of the request in an error of what is called inside, which does not know it.

    :param instead_of: the field that the error names; null: it names none
    """
    try:
        yield
    except AssentError as error:
        if error.field == instead_of:
            error.field = field
        raise


def _in_english(value: Value) -> str:
    if callable(value):
        return value("en")
    return f"{value:,}" if isinstance(value, int) else value
