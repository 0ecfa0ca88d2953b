"""Sign-in with Flask-Security: its settings, the agent who is signed in, and decorators for views."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import ParamSpec, cast

from flask import Flask, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import Security, current_user
from werkzeug.local import LocalProxy

from app.core import wording
from app.core.accounts import agents
from app.core.accounts.rights import Right
from app.core.errors import Forbidden
from app.core.wording import translatable
from app.web.services import keys
from app.web.sign_in import forms as sign_in_forms
from app.web.sign_in import password_links, rate_limits, sessions
from app.web.sign_in.datastore import AgentStore, OneTimeCodes, PasswordRules, RecoveryCodes, SignIn
from app.web.sign_in.demo_accounts import demo_accounts

P = ParamSpec("P")

_ADDRESSES = {
    "LOGIN_URL": "/sign-in",
    "LOGOUT_URL": "/sign-out",
    "RESET_URL": "/reset-password",
    "CHANGE_URL": "/account/password",
    "VERIFY_URL": "/account/confirm",
    "TWO_FACTOR_SETUP_URL": "/account/second-factor",
    "TWO_FACTOR_TOKEN_VALIDATION_URL": "/sign-in/code",
    "TWO_FACTOR_RESCUE_URL": "/sign-in/rescue",
    "TWO_FACTOR_SELECT_URL": "/sign-in/factor",
    "MULTI_FACTOR_RECOVERY_URL": "/sign-in/recovery-code",
    "MULTI_FACTOR_RECOVERY_CODES_URL": "/account/recovery-codes",
    "POST_LOGIN_VIEW": "auth.start",
    "POST_LOGOUT_VIEW": "security.login",
    "POST_CHANGE_VIEW": "auth.account",
    "POST_RESET_VIEW": "security.login",
    "POST_VERIFY_VIEW": "auth.account",
    "TWO_FACTOR_POST_SETUP_VIEW": "auth.account",
}
_POLICY = {
    "CHANGEABLE": True,
    "RECOVERABLE": True,
    "TWO_FACTOR": True,
    "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
    "TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,
    "TWO_FACTOR_RESCUE_EMAIL": False,
    "MULTI_FACTOR_RECOVERY_CODES": True,
    "MULTI_FACTOR_RECOVERY_CODES_N": 10,
    "TOTP_ISSUER": "Assent",
    "PASSWORD_HASH": "argon2",
    "PASSWORD_SCHEMES": ["argon2"],
    "PASSWORD_SINGLE_HASH": True,
    "PASSWORD_HASH_PASSLIB_OPTIONS": {f"argon2__{name}": value for name, value in agents.ARGON2.items()},
    "PASSWORD_LENGTH_MIN": agents.PASSWORD_MIN,
    # A request to reset takes the same time for an unknown address, because this hashes a value for it, too.
    "HASHING_SCHEMES": ["argon2"],
    "RETURN_GENERIC_RESPONSES": True,
    "RESET_PASSWORD_WITHIN": password_links.INVITATION_LASTS,
    "SEND_PASSWORD_CHANGE_EMAIL": False,
    "SEND_PASSWORD_RESET_NOTICE_EMAIL": False,
    # Neither text nor HTML: ``password_links`` writes the mail in the language of its receiver.
    "EMAIL_PLAINTEXT": False,
    "EMAIL_HTML": False,
    "FRESHNESS": timedelta(minutes=30),
    "FRESHNESS_GRACE_PERIOD": timedelta(minutes=30),
    "API_ENABLED_METHODS": ["session"],
    "LOGOUT_METHODS": ["POST"],
    "STATIC_FOLDER": None,
    "CLI_USERS_NAME": None,
    "CLI_ROLES_NAME": None,
    "I18N_DOMAIN": "messages",
    "I18N_DIRNAME": [str(wording.CATALOGS)],
    "CACHE_CONTROL": {},  # the default is malformed (private=True); web/security.py sets no-store for every page
}
_MESSAGES = {
    "GENERIC_AUTHN_FAILED": (translatable("The email address or the password is wrong."), "error"),
    "INVALID_PASSWORD": (translatable("This is not your password."), "error"),
    "PASSWORD_NOT_PROVIDED": (translatable("Enter the password."), "error"),
    "EMAIL_NOT_PROVIDED": (translatable("Enter the email address."), "error"),
    "INVALID_EMAIL_ADDRESS": (translatable("This is not an email address."), "error"),
    "RETYPE_PASSWORD_MISMATCH": (translatable("The two passwords differ."), "error"),
    "PASSWORD_IS_THE_SAME": (translatable("Choose a password other than the current one."), "error"),
    "PASSWORD_CHANGE": (translatable("Your password is changed. Other devices are signed out."), "info"),
    "PASSWORD_RESET_NO_LOGIN": (translatable("Your password is set. Sign in with it."), "info"),
    "PASSWORD_RESET_REQUEST": (
        translatable("If an account has this address, a link to set a new password is on its way."),
        "info",
    ),
    "PASSWORD_RESET_EXPIRED": (translatable("This link is too old. Ask for a new one."), "error"),
    "INVALID_RESET_PASSWORD_TOKEN": (
        translatable("This link has been used, replaced or mistyped. Ask for a new one."),
        "error",
    ),
    "TWO_FACTOR_INVALID_TOKEN": (
        translatable("This code is wrong or was used already. Wait for the next one."),
        "error",
    ),
    "TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL": (
        translatable("From now on you sign in with a code from your app, too."),
        "info",
    ),
    "TWO_FACTOR_DISABLED": (translatable("Your second factor is switched off."), "info"),
    "TWO_FACTOR_PERMISSION_DENIED": (translatable("Sign in first."), "info"),
    "TWO_FACTOR_SETUP_EXPIRED": (translatable("That took too long. Start over."), "error"),
    "INVALID_RECOVERY_CODE": (translatable("This code is wrong or was used already."), "error"),
    "REAUTHENTICATION_REQUIRED": (translatable("Enter your password once more to continue."), "info"),
    "UNAUTHENTICATED": (translatable("Sign in to see this page."), "info"),
    # These are the words of Flask-Security, here so that our catalogs have them.
    "REAUTHENTICATION_SUCCESSFUL": (translatable("Your password is confirmed."), "info"),
    "TWO_FACTOR_LOGIN_SUCCESSFUL": (translatable("Your code has been confirmed"), "success"),
    "TWO_FACTOR_METHOD_NOT_AVAILABLE": (translatable("This method is not available."), "error"),
    "API_ERROR": (translatable("This is not possible here."), "error"),
}

_REFUSALS = {
    Right.MARKETING: translatable("This page is for marketers and admins."),
    Right.ADMINISTRATION: translatable("This page is for admins only."),
}
_UNUSED_LIBRARIES = {"flask_login", "flask_principal"}


def init_app(app: Flask) -> None:
    """Set up Flask-Security with our accounts. Adds ``current_agent`` to templates."""
    app.config.update({f"SECURITY_{name}": value for name, value in (_ADDRESSES | _POLICY).items()})
    app.config.update({f"SECURITY_MSG_{name}": value for name, value in _MESSAGES.items()})
    with app.app_context():
        app.config["SECURITY_TOTP_SECRETS"] = {"1": keys().derive("totp").hex()}
    security = Security(
        app,
        AgentStore(),
        login_form=sign_in_forms.SignInForm,
        verify_form=sign_in_forms.ConfirmForm,
        change_password_form=sign_in_forms.PasswordForm,
        forgot_password_form=sign_in_forms.ForgotForm,
        reset_password_form=sign_in_forms.NewPasswordForm,
        two_factor_setup_form=sign_in_forms.FactorForm,
        two_factor_rescue_form=sign_in_forms.RescueForm,
        two_factor_verify_code_form=sign_in_forms.CodeForm,
        mf_recovery_form=sign_in_forms.RecoveryForm,
        mail_util_cls=password_links.BackgroundMailUtil,
        password_util_cls=PasswordRules,
        totp_cls=OneTimeCodes,
        mf_recovery_codes_util_cls=RecoveryCodes,
    )
    security.want_json(lambda _request: False)
    security.login_manager.request_loader(lambda _request: None)  # tokens cannot sign in
    _remove_unused_hooks(app)
    password_links.init_app(app, security)
    rate_limits.init_app(app)
    sessions.init_app(app, security)
    app.jinja_env.globals.update(current_agent=LocalProxy(current_agent), demo_accounts=demo_accounts)


def current_agent() -> SignIn | None:
    """The agent who is signed in; null when there is none."""
    return cast(SignIn, current_user._get_current_object()) if current_user.is_authenticated else None  # noqa: SLF001


def current_actor() -> str:
    """The agent who is signed in, as ledger and audit log name them: ``agent:3``. Only for views of agents."""
    agent = current_agent()
    if agent is None:
        abort(401)
    return agents.subject_of(agent)


def agent_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Require a signed-in agent. Others are redirected to the sign-in page; requests other than for pages get 401."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if current_agent() is None:
            return _sign_in_first()
        return view(*args, **kwargs)

    return guarded


def marketer_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Require a signed-in marketer or admin. Other agents get 403."""
    return _right_required(Right.MARKETING, view)


def admin_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Require a signed-in admin. Other agents get 403."""
    return _right_required(Right.ADMINISTRATION, view)


def _right_required(right: Right, view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    @agent_required
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not cast(SignIn, current_agent()).may(right):
            raise Forbidden(_REFUSALS[right])
        return view(*args, **kwargs)

    return guarded


def _sign_in_first() -> ResponseReturnValue:
    wants_json = request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
    if wants_json or request.method not in {"GET", "HEAD"}:
        abort(401, translatable("You are not signed in, or your session has ended. Sign in and try again."))
    here = request.full_path if request.query_string else request.path
    return redirect(url_for("security.login", next=here))


def _remove_unused_hooks(app: Flask) -> None:
    """Remove the hooks of remember-me cookies and permissions, which we do not use.

    They would read the session on every request, those for static files too, which costs a query and adds
    ``Vary: Cookie``.
    """
    for hooks in (app.before_request_funcs, app.after_request_funcs, app.template_context_processors):
        kept = [hook for hook in hooks[None] if hook.__module__.partition(".")[0] not in _UNUSED_LIBRARIES]
        hooks[None] = kept  # type: ignore[assignment]  # the three dictionaries hold different functions
