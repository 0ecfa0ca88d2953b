"""Placeholder, replaced below."""

from flask import Flask


def configure(app: Flask) -> None:
    pass
