"""Errors as ``{"error": code}``, for what our own scripts call. The API has Intercom's ``error.list`` instead."""

from http import HTTPStatus

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException, MethodNotAllowed, ServiceUnavailable

from app.core.errors import AssentError, TooMany
from app.web import errors


def init_app(surface: Flask) -> None:
    """Answer every error of this application so."""
    surface.register_error_handler(AssentError, _refused)
    surface.register_error_handler(HTTPException, _http_error)


def _refused(error: AssentError) -> Response:
    response = _error(error.code, errors.status_of(error))
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _http_error(error: HTTPException) -> Response:
    response = _error(error.name.lower().replace(" ", "_"), error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if isinstance(error, ServiceUnavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


def _error(code: str, status: int) -> Response:
    response = jsonify({"error": code})
    response.status_code = status
    return response
