"""Storage and checks for Flask-Security, with our own table and transactions.

A read is one short transaction that returns a detached account. A write is one short unit of work for the columns that
changed, so that no password is hashed while other writers wait.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

from flask_security import RoleMixin, UserMixin, current_user
from flask_security.datastore import UserDatastore
from flask_security.password_util import PasswordUtil
from flask_security.recovery_codes import MfRecoveryCodesUtil
from flask_security.totp import Totp
from markupsafe import Markup
from passlib.exc import UsedTokenError
from segno import make_qr
from sqlalchemy import inspect, select
from sqlalchemy.orm.attributes import set_committed_value

from app.core import audit, clock, rate_limits
from app.core.accounts import agents, credentials, rights, sessions
from app.core.accounts.rights import Right
from app.core.errors import InvalidInput
from app.models import Agent, AgentSession, Role
from app.web.i18n import gettext, sentence_of
from app.web.services import keys, read_only, unit_of_work

_CODE_WINDOW_S = 900


class AgentRole(RoleMixin):
    """The role of an agent, which is a column in our table, as an object for Flask-Security."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.permissions = None


class SignIn(UserMixin, Agent):
    """An agent as Flask-Security needs it. It has the same table; a subclass keeps Flask out of the models."""

    @property
    def roles(self) -> list[RoleMixin]:  # type: ignore[override]
        return [AgentRole(self.role)]

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    def may(self, right: str) -> bool:
        """Whether the role has this right of ``core/accounts/rights.py``."""
        return rights.may(self.role, Right(right))


_SIGNED_IN = (
    select(SignIn, AgentSession).join(AgentSession, AgentSession.agent_id == SignIn.id).where(sessions.SIGNS_IN)
)


class AgentStore(UserDatastore):
    """The datastore of Flask-Security. ``put`` has committed when it returns."""

    def __init__(self) -> None:
        super().__init__(SignIn, AgentRole)

    def find_user(self, case_insensitive: bool = False, **criteria: Any) -> SignIn | None:  # noqa: FBT001
        ((name, value),) = criteria.items()
        value = str(value).lower() if case_insensitive else value
        with read_only() as session:
            return session.scalars(select(SignIn).where(getattr(SignIn, name) == value)).one_or_none()

    def find_signed_in(self, uniquifier: str, token: str, *, at: datetime) -> tuple[SignIn, AgentSession] | None:
        """The agent of a session, and the session, in one statement; null when it has ended or the account changed."""
        with read_only() as session:
            found = session.execute(_SIGNED_IN, sessions.signs_in_with(token, uniquifier, at=at)).one_or_none()
        return (found[0], found[1]) if found else None

    def put(self, model: Any) -> Any:
        """Save the changes of an account.

        :raises InvalidState: the account was disabled, or its password changed, since it was read
        """
        agent: SignIn = model._get_current_object() if hasattr(model, "_get_current_object") else model  # noqa: SLF001
        state = inspect(agent)
        changed = {column.key: column.value for column in state.attrs if column.history.has_changes()}
        if changed:
            uniquifier = (state.attrs.fs_uniquifier.history.deleted or [agent.fs_uniquifier])[0]
            with unit_of_work() as session:
                credentials.save_changes(session, agent.id, uniquifier, changed, actor=_actor(agent), at=clock.now())
            for name, value in changed.items():
                set_committed_value(agent, name, value)
        return model

    def commit(self) -> None:
        """Do nothing: ``put`` has committed already."""

    def tf_reset(self, user: Any) -> None:
        """Remove the second factor together with its recovery codes."""
        user.mf_recovery_codes = None
        super().tf_reset(user)


class PasswordRules(PasswordUtil):
    """The rules of ``core/accounts/agents.py``."""

    def normalize(self, password: str) -> str:
        return agents.normalize_password(password)

    def validate(
        self,
        password: str,
        is_register: bool,  # noqa: ARG002, FBT001
        **about: Any,
    ) -> tuple[list[str] | None, str]:
        normal = self.normalize(password)
        try:
            agents.check_password_rules(normal, about["user"].email)
        except InvalidInput as problem:
            return [sentence_of(problem)], normal
        return None, normal


class OneTimeCodes(Totp):
    """Codes of an authenticator app. Each works once, over all processes. The QR code is inline SVG."""

    def set_last_counter(self, user: Any, tmatch: Any) -> None:
        bucket = keys().bucket("code-used", f"{user.id}:{tmatch.totp.base32_key}:{tmatch.counter}")
        moment = datetime.fromtimestamp(tmatch.counter * tmatch.totp.period, UTC)
        with unit_of_work() as session:
            if rate_limits.hit(session, {bucket: 1}, window_s=_CODE_WINDOW_S, at=moment) is not None:
                raise UsedTokenError

    def generate_qrcode(self, username: str, totp: str) -> str:
        code = make_qr(self.get_totp_uri(username, totp), error="m")
        return Markup(code.svg_inline(scale=5, border=3, light="#fff", title=gettext("QR code")))  # noqa: S704 - our own SVG


class RecoveryCodes(MfRecoveryCodesUtil):
    """Recovery codes. They are shown once, only their keyed hashes are stored, and each works once."""

    def get_recovery_codes(self, user: Any) -> list[str]:  # noqa: ARG002
        return []

    def check_recovery_code(self, user: Any, code: str) -> bool:
        """Check and use a code in one step, so that only one of two requests with the same code succeeds."""
        with unit_of_work() as session:
            return agents.use_recovery_code(session, user.id, _hash(code), at=clock.now())

    def delete_recovery_code(self, user: Any, code: str) -> bool:  # noqa: ARG002
        return True

    def _encrypt_codes(self, codes: list[str]) -> list[str]:
        return [_hash(code) for code in codes]


def _actor(agent: SignIn) -> str:
    """Who changes an account here: its agent. A one-time link does not sign in, so its holder is unknown."""
    return agents.subject_of(agent) if current_user.is_authenticated else audit.UNKNOWN


def _hash(code: str) -> str:
    plain = "".join(character for character in code.lower() if character.isalnum())
    return hmac.new(keys().derive("recovery-code"), plain.encode(), hashlib.sha256).hexdigest()
