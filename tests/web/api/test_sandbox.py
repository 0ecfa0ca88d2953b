"""Texts from the sandbox over the API."""

from flask import Flask
from sqlalchemy import select

from app.models import Suppression
from tests.make import SAMS_NUMBER
from tests.web.api.client import ApiClient, database


def test_a_text_arrives_and_does_what_it_says(api: ApiClient, app: Flask) -> None:
    text = api.post("/sandbox/messages", {"from": "+1 202 555 0123", "text": "stop"})
    assert (text["type"], text["direction"], text["phone"], text["keyword"]) == (
        "sms_message",
        "inbound",
        SAMS_NUMBER,
        "stop",
    )
    with database(app).read_only() as session:
        assert session.scalars(select(Suppression.phone)).all() == [SAMS_NUMBER]
