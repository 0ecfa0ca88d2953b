"""Flask applications without session and sign-in, mounted below a path of the main application.

The embed, the preference center, the messenger's calls and the API are such applications. They have no secret key.
So they have no session and no cookie, and need no CSRF token. Everything else is ordinary Flask.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from app.web import admission, i18n, request_log, responses, security
from app.web.services import EXTENSION

_MOUNTS = "assent.mounts"
_IMPLIED_METHODS = {"HEAD", "OPTIONS"}
_SHARED_TEMPLATE_GLOBALS = ("asset", "modules")


@dataclass(frozen=True)
class Route:
    """One route. ``path`` includes the prefix of the application, ``endpoint`` the name of the application."""

    methods: tuple[str, ...]
    path: str
    endpoint: str


def create_surface(main: Flask, import_name: str, headers: Mapping[str, str] = MappingProxyType({})) -> Flask:
    """Create an application with the parts that all have in common. The caller adds routes, error handlers and hooks.

    It shares the services and templates of ``main``. Slashes of an address are not merged. Every request gets an id and
    a log line, every response the headers of ``security.set_headers``. ``after_request`` hooks that are added
    later run before that one and may set these headers.

    :param headers: of every response of this application, beside those that all have
    """
    surface = Flask(import_name, template_folder=main.template_folder, static_folder=None)
    responses.init_app(surface)
    surface.config["MAX_CONTENT_LENGTH"] = main.config["MAX_CONTENT_LENGTH"]
    surface.url_map.merge_slashes = False
    surface.extensions[EXTENSION] = main.extensions[EXTENSION]
    surface.jinja_env.globals.update({name: main.jinja_env.globals[name] for name in _SHARED_TEMPLATE_GLOBALS})
    request_log.init_app(surface)
    admission.init_app(surface, main)
    security.set_headers(surface, headers)
    i18n.init_app(surface)
    return surface


def mount(main: Flask, surfaces: Mapping[str, Flask]) -> None:
    """Send every request below a prefix (``/api``) to its application. Prefixes have no slash at the end."""
    for prefix, surface in surfaces.items():
        surface.config["APPLICATION_ROOT"] = prefix
    main.wsgi_app = DispatcherMiddleware(main.wsgi_app, dict(surfaces))  # type: ignore[method-assign]  # as Flask documents it
    main.extensions[_MOUNTS] = mounted(main) | dict(surfaces)


def mounted(main: Flask) -> dict[str, Flask]:
    """The mounted applications by prefix. The main application itself is not among them."""
    return dict(cast(Mapping[str, Flask], main.extensions.get(_MOUNTS, {})))


def routes(main: Flask) -> list[Route]:
    """Every route of the main application and the mounted ones, by path, without the methods HEAD and OPTIONS."""
    found = [
        Route(
            methods=tuple(sorted((rule.methods or set()) - _IMPLIED_METHODS)),
            path=prefix + rule.rule,
            endpoint=f"{application.import_name}: {rule.endpoint}",
        )
        for prefix, application in {"": main, **mounted(main)}.items()
        for rule in application.url_map.iter_rules()
    ]
    return sorted(found, key=lambda route: (route.path, route.methods))
