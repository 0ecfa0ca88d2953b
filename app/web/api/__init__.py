"""The REST API: Intercom's calls, and ours beside them.

It is a separate Flask application, mounted below ``/api``: no session, no sign-in, no CSRF token. Each request
shows a token (``auth``). Schemas read and write JSON (``app/schemas``); flask-smorest describes each call with them.
"""

from flask import Flask
from werkzeug.routing import PathConverter

from app.core.public_urls import API
from app.web import admission, mounts, services
from app.web.api import auth, description, errors, etags, insider, rate_limit, search_queue, versions
from app.web.api.blueprints import BLUEPRINTS

__all__ = ["api_of", "create_api"]


class _Rest(PathConverter):
    """The rest of an address, slashes at its beginning included: an external id may begin with one."""

    regex = ".+"
    part_isolating = False


def create_api(main: Flask) -> Flask:
    """The API of an application, to be mounted at ``/api``.

    :raises BadSetting: ``ASSENT_REDIS_URL`` is set, but cannot be used
    """
    api = mounts.create_surface(main, __name__)
    api.url_map.converters["path"] = _Rest
    api.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    api.json.sort_keys = False  # type: ignore[attr-defined]  # of Flask's default provider
    api.json.compact = True  # type: ignore[attr-defined]
    rate_limit.init_app(api, services.services_of(main).settings)
    for part in (errors, auth, search_queue, etags, versions, description):
        part.init_app(api)
    api.config[admission.LARGER_BODIES] = {insider.UPSERT: insider.UPSERT_BYTES_MAX}
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    return api


def api_of(main: Flask) -> Flask:
    """The API that is mounted beside an application."""
    return mounts.mounted(main)[API]
