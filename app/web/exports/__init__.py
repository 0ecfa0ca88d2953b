"""Exports: what can be exported, the exports that were started, and their files."""

from flask import Flask

from app.web.exports.views import blueprint as _blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(_blueprint)
