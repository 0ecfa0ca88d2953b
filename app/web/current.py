"""The objects behind Flask's proxies. Each use of ``request`` or ``g`` looks the object up, which hooks need not do."""

from typing import cast

from flask import Flask, Request, current_app, g, request
from flask.ctx import _AppCtxGlobals
from werkzeug.local import LocalProxy


def current_request() -> Request:
    return cast("LocalProxy[Request]", request)._get_current_object()  # noqa: SLF001 - as Flask documents it


def current_globals() -> _AppCtxGlobals:
    return cast("LocalProxy[_AppCtxGlobals]", g)._get_current_object()  # noqa: SLF001 - as Flask documents it


def application() -> Flask:
    return cast("LocalProxy[Flask]", current_app)._get_current_object()  # noqa: SLF001 - as Flask documents it
