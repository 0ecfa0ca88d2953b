"""Flask-Security's forms in our words, with what it leaves open decided."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flask_security.forms import (
    ChangePasswordForm,
    ForgotPasswordForm,
    LoginForm,
    ResetPasswordForm,
    TwoFactorRescueForm,
    TwoFactorSetupForm,
    TwoFactorVerifyCodeForm,
    VerifyForm,
)
from flask_security.recovery_codes import MfRecoveryForm
from flask_security.utils import validate_redirect_url
from wtforms import Field, HiddenField, StringField

from app.core.accounts import agents as accounts
from app.core.errors import InvalidInput


class Labelled:
    """A form whose fields are called as ``labels`` says."""

    labels: ClassVar[dict[str, str]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, text in self.labels.items():
            getattr(self, name).label.text = text


class SafeNext:
    """Where to go afterwards, when it is a place of ours; else nowhere in particular."""

    def validate_next(self, field: Field) -> None:
        if not validate_redirect_url(field.data or ""):
            field.data = ""


class SignInForm(Labelled, SafeNext, LoginForm):
    labels: ClassVar = {"email": "E-mail address", "password": "Password"}
    remember = None  # type: ignore[assignment]  # as WTForms takes a field out


class ConfirmForm(Labelled, SafeNext, VerifyForm):
    labels: ClassVar = {"password": "Password"}


class PasswordForm(Labelled, ChangePasswordForm):
    labels: ClassVar = {
        "password": "Present password",
        "new_password": "New password",
        "new_password_confirm": "New password again",
    }


class ForgotForm(Labelled, ForgotPasswordForm):
    labels: ClassVar = {"email": "E-mail address"}
    user: Any

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None, **kwargs: Any) -> bool:
        """Somebody invited who never set a password has the invitation; here they are a stranger."""
        return super().validate(extra_validators=extra_validators, **kwargs) and self.user.password is not None


class NewPasswordForm(Labelled, ResetPasswordForm):
    """What a one-time link opens. Somebody invited says their name, too."""

    labels: ClassVar = {"password": "New password", "password_confirm": "New password again"}
    name = StringField("Your name", render_kw={"autocomplete": "name"})
    user: Any

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None, **kwargs: Any) -> bool:
        if not super().validate(extra_validators=extra_validators, **kwargs):
            return False
        if self.user.password is None:
            try:
                self.user.name = accounts.read_name(self.name.data or self.user.name)
            except InvalidInput as problem:
                self.name.errors = [problem.message]
                return False
        return True


class Chosen(HiddenField):
    """A choice that a button makes. Flask-Security's own choices are tuples, which WTForms 3.4 no longer takes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.choices: list[Any] = []


class FactorForm(TwoFactorSetupForm):
    setup = Chosen()  # type: ignore[assignment]


class RescueForm(TwoFactorRescueForm):
    help_setup = Chosen()  # type: ignore[assignment]


class CodeForm(Labelled, TwoFactorVerifyCodeForm):
    labels: ClassVar = {"code": "Code from your authenticator app"}


class RecoveryForm(Labelled, MfRecoveryForm):
    labels: ClassVar = {"code": "Recovery code"}
