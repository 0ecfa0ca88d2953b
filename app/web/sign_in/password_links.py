"""One-time links that set a password: invitations and resets, sent by mail or shown to an admin."""

from datetime import timedelta
from threading import Thread
from typing import Any

from flask import Flask, Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import Security
from flask_security.mail_util import EmailValidateException, MailUtil
from flask_security.utils import get_message
from itsdangerous import BadData, SignatureExpired

from app import logs, mail_client
from app.core import clock, email
from app.core.errors import DestinationRefused
from app.core.problems import failures
from app.mail_client import MailFailed
from app.models import Agent, FailureKind
from app.web import services
from app.web.i18n import current_locale, gettext, sentence_of, use_locale
from app.web.security import public_url
from app.web.services import Services

INVITATION_LASTS = timedelta(days=7)
RESET_LASTS = timedelta(days=1)
_log = logs.get_logger()


def link_for(agent: Agent) -> str:
    """The link by which this agent sets a password once. An invitation is valid for 7 days, a reset for one day.

    The link has the agent's ``fs_uniquifier``. Its use, a newer link and disabling the account replace that value,
    which makes the link invalid.
    """
    token = _security().reset_serializer.dumps([agent.fs_uniquifier, None])
    return public_url() + url_for("security.reset_password", token=token)


def lasts(agent: Agent) -> str:
    """How long the link of this agent is valid, in words."""
    return gettext("7 days") if agent.password is None else gettext("one day")


def send_link(agent: Agent, link: str, *, workspace: str) -> bool:
    """Send the link by mail, in the language that the agent chose, else in that of the page.

    Returns false when the mail server refused it. Must not be called in a transaction.
    """
    template = "auth/invitation_mail.txt" if agent.password is None else "auth/reset_mail.txt"
    with use_locale(agent.locale or current_locale()):
        subject = gettext("Your account at %(workspace)s", workspace=workspace) if agent.password is None else _reset()
        body = render_template(template, agent=agent, link=link, workspace=workspace)
    return _send(services.services(), agent.email, subject, body)


def has_reset_by_mail() -> bool:
    """Whether agents can request a reset link themselves.

    That needs a configured public address, because otherwise the request would decide the host of the link.
    """
    return services.has_mail() and bool(services.settings().public_url)


def init_app(app: Flask, security: Security) -> None:
    """Check these links before the pages of Flask-Security, and add ``/forgot-password`` as a second address."""
    view = app.view_functions["security.forgot_password"]
    app.add_url_rule("/forgot-password", "security.forgot_password", view, methods=["GET", "POST"])
    app.before_request_funcs.setdefault("security", []).extend((_require_mail, _refuse_old_reset))
    app.after_request_funcs.setdefault("security", []).append(_send_no_referrer)
    security.mail_context_processor(lambda: {"public_url": public_url()})


class BackgroundMailUtil(MailUtil):
    """Writes mail in the language that its receiver chose, else in that of the page.

    It is sent in a thread, so that the time of a response does not reveal whether an address is known.
    """

    def normalize(self, address: str) -> str:
        try:
            return email.read(address)
        except DestinationRefused as problem:
            raise EmailValidateException(sentence_of(problem)) from None

    def validate(self, address: str) -> str:
        return self.normalize(address)

    def send_mail(
        self,
        template: str,
        subject: str,
        recipient: Any,
        sender: Any,  # noqa: ARG002 - the configured one is the default
        body: str | None,
        html: str | None,  # noqa: ARG002 - switched off
        **context: Any,
    ) -> None:
        """Send the only mail that Flask-Security sends here: the one with a link to reset the password."""
        with use_locale(context["user"].locale or current_locale()):
            subject, body = _reset(), render_template(f"{template}.txt", **context)
        Thread(target=_send, args=(services.services(), recipient, subject, body), daemon=True).start()


def _reset() -> str:
    return gettext("Set a new password")


def _require_mail() -> ResponseReturnValue | None:
    if request.endpoint == "security.forgot_password" and not has_reset_by_mail():
        return render_template("auth/ask_an_admin.html")
    return None


def _refuse_old_reset() -> ResponseReturnValue | None:
    """Refuse a reset link after one day. Flask-Security has only one limit, that of invitations."""
    if request.endpoint != "security.reset_password":
        return None
    security = _security()
    token = (request.view_args or {})["token"]
    try:
        security.reset_serializer.loads(token, max_age=int(RESET_LASTS.total_seconds()))
    except SignatureExpired:
        agent = security.datastore.find_user(fs_uniquifier=security.reset_serializer.loads(token)[0])
        if agent and agent.password:
            flash(*get_message("PASSWORD_RESET_EXPIRED"))
            return redirect(url_for("security.forgot_password"))
    except BadData:
        pass  # Flask-Security reports this
    return None


def _send_no_referrer(response: Response) -> Response:
    """Keep the address of the page, which is a secret, out of every referrer, also to our own pages."""
    if request.endpoint == "security.reset_password":
        response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _send(current: Services, recipient: str, subject: str, body: str) -> bool:
    """Send a mail; false when that failed, which admins then see. The log has no address."""
    if current.mail_server is None:
        return False
    try:
        mail_client.send(current.mail_server, recipient=recipient, subject=subject, body=body)
    except MailFailed as problem:
        _log.exception("mail could not be sent")
        with current.database.unit_of_work() as session:
            failures.record(session, FailureKind.MAIL, recipient, problem, at=clock.now())
        return False
    return True


def _security() -> Security:
    security: Security = current_app.extensions["security"]
    return security
