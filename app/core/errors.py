"""The tree of errors. Each carries a stable ``code``, the ``field`` at fault, and a sentence that a person can act on.

AssentError
├── InvalidInput            the value of one field cannot be used
│   └── DestinationRefused  a number or address that cannot be opted in (``core/phone.py``, ``core/email.py``)
├── ImmutableField          channel and consent type never change once saved
├── InvalidState            a step that the present state does not allow
│   └── Conflict            somebody or something like that exists already
├── NotFound                there is no such thing, or it is not yours: the answer is the same
│   └── Merged              they were merged into somebody else, whom ``into`` names
├── NotAvailable            this version, or this workspace as it is set up, cannot do that
├── Unauthorized            nobody knows who you are
├── Forbidden               you may not do this
└── TooMany                 a limit; ``retry_after_s`` says when it is over
"""


class AssentError(Exception):
    """What a rule refuses. ``web/errors.py`` turns it into a page or an answer, once."""

    code = "error"

    def __init__(self, message: str, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.code = code or self.code


class InvalidInput(AssentError):
    code = "parameter_invalid"


class DestinationRefused(InvalidInput):
    """``code`` is one of ``phone.REFUSALS`` or ``email.REFUSALS``; pages say it in the reader's language."""


class ImmutableField(AssentError):
    code = "immutable_field"


class InvalidState(AssentError):
    code = "invalid_state"


class Conflict(InvalidState):
    code = "conflict"


class NotFound(AssentError):
    code = "not_found"


class Merged(NotFound):
    code = "contact_merged"

    def __init__(self, message: str, *, into: str) -> None:
        super().__init__(message)
        self.into = into


class NotAvailable(AssentError):
    code = "not_available"


class Unauthorized(AssentError):
    code = "unauthorized"


class Forbidden(AssentError):
    code = "forbidden"


class TooMany(AssentError):
    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
