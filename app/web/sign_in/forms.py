"""The forms of Flask-Security with our labels and further checks."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flask_security import current_user
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
from wtforms import Field, HiddenField, StringField

from app.core.accounts import agents
from app.core.accounts.credentials import Secret
from app.core.errors import InvalidInput
from app.core.wording import translatable
from app.web.i18n import gettext, lazy_gettext, sentence_of
from app.web.sign_in import failures, next_page


class CustomLabels:
    """Sets the labels of fields to those of ``labels``, in the language of the page."""

    labels: ClassVar[dict[str, str]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, text in self.labels.items():
            getattr(self, name).label.text = gettext(text)


class SafeNext:
    """Clears ``next``, the page to open afterwards, when it is an address of another site."""

    def validate_next(self, field: Field) -> None:
        if not next_page.is_ours(field.data or ""):
            field.data = ""


class RecordsFailures:
    """Records in the audit log that the secret which the form checks was refused."""

    secret: ClassVar[Secret]
    secret_field: ClassVar[str]
    user: Any

    def validate(self, *args: Any, **kwargs: Any) -> bool:
        is_valid: bool = super().validate(*args, **kwargs)  # type: ignore[misc]  # of the form beside it
        if not is_valid and self.was_refused():
            failures.record(self.user, self.secret)
        return is_valid

    def was_refused(self) -> bool:
        """Whether a secret was sent, so that it is what made the form invalid."""
        return bool(getattr(self, self.secret_field).data)


class SignInForm(RecordsFailures, CustomLabels, SafeNext, LoginForm):
    labels: ClassVar = {"email": translatable("Email address"), "password": translatable("Password")}
    secret, secret_field = Secret.PASSWORD, "password"
    remember = None  # type: ignore[assignment]  # this is how WTForms removes a field

    def validate(self, *args: Any, **kwargs: Any) -> bool:
        """Normalize the password for every address. Flask-Security does so for known ones, and the hash of what was
        typed for an unknown one has a limit: the error showed a stranger that there is no such account.
        """
        self.password.data = agents.normalize_password(self.password.data or "")
        return super().validate(*args, **kwargs)


class ConfirmForm(RecordsFailures, CustomLabels, SafeNext, VerifyForm):
    labels: ClassVar = {"password": translatable("Password")}
    secret, secret_field = Secret.PASSWORD, "password"


class PasswordForm(RecordsFailures, CustomLabels, ChangePasswordForm):
    secret, secret_field = Secret.PASSWORD, "password"
    labels: ClassVar = {
        "password": translatable("Current password"),
        "new_password": translatable("New password"),
        "new_password_confirm": translatable("New password again"),
    }

    @property
    def user(self) -> Any:
        return current_user

    def was_refused(self) -> bool:
        return super().was_refused() and bool(self.password.errors)


class ForgotForm(CustomLabels, ForgotPasswordForm):
    labels: ClassVar = {"email": translatable("Email address")}
    user: Any

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None, **kwargs: Any) -> bool:
        """Treat agents without a password as unknown. They have an invitation link."""
        return super().validate(extra_validators=extra_validators, **kwargs) and self.user.password is not None


class NewPasswordForm(CustomLabels, ResetPasswordForm):
    """The form that a one-time link opens. Invited agents also enter their name."""

    labels: ClassVar = {
        "password": translatable("New password"),
        "password_confirm": translatable("New password again"),
    }
    name = StringField(lazy_gettext("Your name"), render_kw={"autocomplete": "name"})
    user: Any

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None, **kwargs: Any) -> bool:
        if not super().validate(extra_validators=extra_validators, **kwargs):
            return False
        if self.user.password is None:
            try:
                self.user.name = agents.read_name(self.name.data or self.user.name)
            except InvalidInput as problem:
                self.name.errors = [sentence_of(problem)]
                return False
        return True


class ChoiceField(HiddenField):
    """A choice that a button sends. Flask-Security sets tuples as choices, which lists of WTForms 3.4 refuse."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.choices: list[Any] = []


class FactorForm(TwoFactorSetupForm):
    setup = ChoiceField()  # type: ignore[assignment]


class RescueForm(TwoFactorRescueForm):
    help_setup = ChoiceField()  # type: ignore[assignment]


class CodeForm(RecordsFailures, CustomLabels, TwoFactorVerifyCodeForm):
    secret, secret_field = Secret.CODE, "code"
    labels: ClassVar = {"code": translatable("Code from your authenticator app")}

    def was_refused(self) -> bool:
        return super().was_refused() and not self.is_setup


class RecoveryForm(RecordsFailures, CustomLabels, MfRecoveryForm):
    secret, secret_field = Secret.RECOVERY_CODE, "code"
    labels: ClassVar = {"code": translatable("Recovery code")}
