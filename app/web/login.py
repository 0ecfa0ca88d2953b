"""Placeholder, replaced below."""

from flask import Flask

from app.config import Settings


def enable(app: Flask, settings: Settings) -> None:
    pass
