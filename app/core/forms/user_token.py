"""The signed token in the address of a public form that is shown to a signed user of the page around it."""

from dataclasses import dataclass

from app.core.errors import NotFound
from app.core.forms import render_token
from app.core.signing import Keys

OPEN_WITHIN_S = 30 * 60


@dataclass(frozen=True)
class FormUser:
    """A form's key, and the id of the user whom the page around the form proved."""

    form_key: str
    user_id: str


def signed(keys: Keys, user: FormUser) -> str:
    """The token. It opens the form for 30 minutes."""
    return keys.signer("form user").sign([user.form_key, user.user_id])


def find(keys: Keys, token: str, *, is_answer: bool) -> FormUser:
    """The user. An answer may come as late as to any render.

    :raises NotFound: the token was not signed here, or is too old
    """
    max_age_s = OPEN_WITHIN_S + render_token.MAX_AGE_S if is_answer else OPEN_WITHIN_S
    value = keys.signer("form user").read(token, max_age_s=max_age_s)
    if value is None:
        raise NotFound("There is no such form.")
    return FormUser(*value)
