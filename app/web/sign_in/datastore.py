"""What Flask-Security keeps and checks, over our own table and transactions.

Reading is one short read that leaves a detached account. Writing is one short unit of work of the columns that
changed, so the hash of a password is never computed while other writers wait.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

from flask_security import RoleMixin, UserMixin
from flask_security.datastore import UserDatastore
from flask_security.password_util import PasswordUtil
from flask_security.recovery_codes import MfRecoveryCodesUtil
from flask_security.totp import Totp
from markupsafe import Markup
from passlib.exc import UsedTokenError
from segno import make_qr
from sqlalchemy import inspect, select
from sqlalchemy.orm.attributes import set_committed_value

from app.core import rate_limits as limits
from app.core.accounts import agents as accounts
from app.core.errors import InvalidInput
from app.models import Agent, Role
from app.web.services import keys, read_only, unit_of_work

_CODE_WINDOW_S = 900


class HeldRole(RoleMixin):
    """A role as Flask-Security asks for it; ours is a column."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.permissions = None


class SignIn(UserMixin, Agent):
    """An agent as the one who is signed in. The same table: it keeps Flask out of the models."""

    @property
    def roles(self) -> list[RoleMixin]:  # type: ignore[override]
        return [HeldRole(self.role)]

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN


class AgentStore(UserDatastore):
    """Flask-Security's view of the agents. ``put`` is durable when it returns; there is nothing left to commit."""

    def __init__(self) -> None:
        super().__init__(SignIn, HeldRole)

    def find_user(self, case_insensitive: bool = False, **wanted: Any) -> SignIn | None:  # noqa: FBT001
        ((name, value),) = wanted.items()
        value = str(value).lower() if case_insensitive else value
        with read_only() as session:
            return session.scalars(select(SignIn).where(getattr(SignIn, name) == value)).one_or_none()

    def put(self, model: Any) -> Any:
        """:raises InvalidState: the account was disabled, or its password changed, after it was read"""
        agent: SignIn = model._get_current_object() if hasattr(model, "_get_current_object") else model  # noqa: SLF001
        state = inspect(agent)
        changed = {column.key: column.value for column in state.attrs if column.history.has_changes()}
        if changed:
            read_as = (state.attrs.fs_uniquifier.history.deleted or [agent.fs_uniquifier])[0]
            with unit_of_work() as session:
                accounts.save_changes(session, agent.id, read_as, changed)
            for name, value in changed.items():
                set_committed_value(agent, name, value)
        return model

    def commit(self) -> None:
        """Each ``put`` was a transaction of its own."""

    def tf_reset(self, user: Any) -> None:
        """Recovery codes go with the second factor that they recover."""
        user.mf_recovery_codes = None
        super().tf_reset(user)


class PasswordRules(PasswordUtil):
    """The rules of ``core/accounts.py``."""

    def normalize(self, password: str) -> str:
        return accounts.normalize_password(password)

    def validate(
        self,
        password: str,
        is_register: bool,  # noqa: ARG002, FBT001
        **about: Any,
    ) -> tuple[list[str] | None, str]:
        normal = self.normalize(password)
        try:
            accounts.check_password_rules(normal, about["user"].email)
        except InvalidInput as problem:
            return [problem.message], normal
        return None, normal


class OneTimeCodes(Totp):
    """Codes of an authenticator app: each opens once, over all processes. The QR code is plain inline SVG."""

    def set_last_counter(self, user: Any, tmatch: Any) -> None:
        used = keys().bucket("code-used", f"{user.id}:{tmatch.totp.base32_key}:{tmatch.counter}")
        moment = datetime.fromtimestamp(tmatch.counter * tmatch.totp.period, UTC)
        with unit_of_work() as session:
            if limits.hit(session, {used: 1}, window_s=_CODE_WINDOW_S, at=moment) is not None:
                raise UsedTokenError

    def generate_qrcode(self, username: str, totp: str) -> str:
        code = make_qr(self.get_totp_uri(username, totp), error="m")
        return Markup(code.svg_inline(scale=5, border=3, light="#fff", title="QR code"))  # noqa: S704 - our own SVG


class RecoveryCodes(MfRecoveryCodesUtil):
    """Recovery codes of which only keyed hashes are kept: they are shown once, and each works once."""

    def get_recovery_codes(self, user: Any) -> list[str]:  # noqa: ARG002
        return []

    def check_recovery_code(self, user: Any, code: str) -> bool:
        """Checking spends: of two requests with the same code one gets in."""
        with unit_of_work() as session:
            return accounts.use_recovery_code(session, user.id, _hashed(code))

    def delete_recovery_code(self, user: Any, code: str) -> bool:  # noqa: ARG002
        return True

    def _encrypt_codes(self, codes: list[str]) -> list[str]:
        return [_hashed(code) for code in codes]


def _hashed(code: str) -> str:
    plain = "".join(character for character in code.lower() if character.isalnum())
    return hmac.new(keys().derive("recovery-code"), plain.encode(), hashlib.sha256).hexdigest()
