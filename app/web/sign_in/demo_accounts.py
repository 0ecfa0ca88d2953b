"""The accounts of the demo, which its pages show and sign in with. Outside the demo there are none."""

from dataclasses import dataclass

from app.core.workspace import settings
from app.web.services import read_only


@dataclass(frozen=True)
class DemoAccount:
    """One account of the demo, with the password that the demo shows to everyone."""

    name: str
    email: str
    role: str
    password: str


def demo_accounts() -> tuple[DemoAccount, ...]:
    """The accounts of the demo, one of each role; empty outside the demo."""
    with read_only() as session:
        if not settings.get(session).is_demo:
            return ()
    from app.core.demo import DEMO_PASSWORD, SIGN_INS

    return tuple(
        DemoAccount(email.partition("@")[0].capitalize(), email, role, DEMO_PASSWORD) for email, role in SIGN_INS
    )
