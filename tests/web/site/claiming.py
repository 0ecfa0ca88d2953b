"""A page that shows a user object, as ``site.js`` sends it."""

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import jwt
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.core import clock
from app.core.consent import eligibility
from app.core.signing import keys_of
from app.core.site.known_claims import KnownClaims
from app.core.workspace import settings
from app.db import Database
from app.models import ConsentEvent, Contact, SubscriptionType
from app.web.services import services_of
from tests import make

SHOP = "https://shop.example.com"


class Shop:
    """A website that is allowed, and the type that its pages sign people up for."""

    def __init__(self, app: Flask, **values: Any) -> None:
        self.app, self.database = app, services_of(app).database
        self.client = app.test_client()
        with self.database.unit_of_work() as session:
            self.type_id = make.live_type(session, **values).id
            chosen = {"allowed_origins": [SHOP], "site_subscription_type_id": self.type_id}
            workspace = settings.change(session, chosen, actor="agent:1", at=make.NOON)
            self.key, self.secret = workspace.messenger_key, workspace.messenger_secret

    def say(self, user: Any, *, signed: str = "", jwt_of: dict[str, Any] | None = None, **more: Any) -> TestResponse:
        """Send a user object.

        :param signed: the user id that the page signs by a hash; ``jwt_of``: the claims that it signs as a JWT
        """
        body: dict[str, Any] = {"key": self.key, "page": f"{SHOP}/cart/4711?x=1", "user": user}
        body |= {"source": "insider_object"}
        if signed:
            body |= {"user_id": signed, "user_hash": self.hash_of(signed)}
        if jwt_of is not None:
            body["user_jwt"] = self.jwt(jwt_of)
        return self.post(json.dumps(body | more))

    def post(self, body: str | bytes, *, origin: str = SHOP, address: str = "192.0.2.1") -> TestResponse:
        headers = {"Origin": origin, "Content-Type": "text/plain;charset=UTF-8", "User-Agent": "Browser"}
        return self.client.post("/site/collect", data=body, headers=headers, environ_overrides={"REMOTE_ADDR": address})

    def hash_of(self, user_id: str) -> str:
        return hmac.new(self.secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()

    def jwt(self, claims: dict[str, Any]) -> str:
        now_s = int(clock.now().timestamp())
        return jwt.encode({"iat": now_s, "exp": now_s + 600, **claims}, self.secret, algorithm="HS256")

    def forget_claims(self) -> None:
        """As another process: only the database knows what was claimed."""
        KnownClaims.__init__(services_of(self.app).known_claims, policy_lasts=timedelta(0))

    def reasons(self, contact: str | None = None, *, lead: str | None = None) -> tuple[str, ...] | None:
        """The gate's answer for a user by the external id, or for the lead of a number; null: there is none."""
        with self.database.read_only() as session:
            found = find(session, contact, lead)
            if found is None:
                return None
            return eligibility.status(session, found, session.get_one(SubscriptionType, self.type_id)).reasons

    def events(self) -> list[tuple[str, str]]:
        """Every event of the ledger: action and level."""
        with self.database.read_only() as session:
            rows = session.execute(select(ConsentEvent.action, ConsentEvent.evidence_level).order_by(ConsentEvent.id))
            return [(row.action, row.evidence_level) for row in rows]


def find(session: Any, contact: str | None, lead: str | None) -> Contact | None:
    query = select(Contact)
    if lead is not None:
        query = query.where(Contact.lead_key == f"sms:{keys_of(session).destination_hash(lead)}")
    else:
        query = query.where(Contact.external_id == contact)
    return session.scalars(query).one_or_none()  # type: ignore[no-any-return]


def user(database: Database, external_id: str, **values: Any) -> int:
    with database.unit_of_work() as session:
        return make.contact(session, external_id=external_id, **values).id
