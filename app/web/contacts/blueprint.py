"""The blueprint of contacts. Each module of this folder adds its views to it."""

from flask import Blueprint

blueprint = Blueprint("contacts", __name__)
