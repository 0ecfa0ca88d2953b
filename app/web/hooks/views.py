"""The addresses that gateways call."""

from flask import Blueprint, Flask, Response, abort, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.gateways.base import BadCallback, Callback, Gateway
from app.web.hooks import core_calls
from app.web.services import gateway, settings

blueprint = Blueprint("hooks", __name__)
# Twilio would send the body of the response as a text; this one says nothing.
_NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'


def init_app(hooks: Flask) -> None:
    """Add the routes, and errors without a page: no person reads them."""
    hooks.register_blueprint(blueprint)
    hooks.register_error_handler(BadCallback, _refuse)
    hooks.register_error_handler(HTTPException, _without_page)


@blueprint.post("/twilio/inbound")
def twilio_inbound() -> Response:
    core_calls.receive("twilio", _only("twilio").read_inbound(_callback()))
    return Response(_NO_REPLY, content_type="text/xml; charset=utf-8")


@blueprint.post("/twilio/status")
def twilio_status() -> Response:
    _record_report("twilio")
    return Response(status=204)


# Kannel calls by GET where ``get-url`` is configured, and always for reports. The secret shows that it is Kannel.
@blueprint.route("/kannel/inbound", methods=["GET", "POST"])
def kannel_inbound() -> Response:
    core_calls.receive("kannel", _only("kannel").read_inbound(_callback()))
    return _taken_by_kannel()


@blueprint.route("/kannel/dlr", methods=["GET", "POST"])
def kannel_dlr() -> Response:
    _record_report("kannel")
    return _taken_by_kannel()


def _record_report(name: str) -> None:
    if (report := _only(name).read_report(_callback())) is not None:
        core_calls.record(name, report)


def _only(name: str) -> Gateway:
    """The gateway of this installation.

    :raises NotFound: it is another one
    :raises MethodNotAllowed: HEAD, which Flask answers like GET, must change nothing
    """
    if request.method == "HEAD":
        raise MethodNotAllowed(valid_methods=["GET", "POST"])
    configured = gateway()
    if configured.name != name:
        abort(404)
    return configured


def _callback() -> Callback:
    """The request as plain values.

    Its address begins with the public one: behind a proxy only that is what the carrier called, and signed.
    """
    base = settings().public_url or request.host_url.rstrip("/")
    query = request.query_string.decode("latin-1")
    return Callback(
        method=request.method,
        url=f"{base}{request.script_root}{request.path}" + (f"?{query}" if query else ""),
        headers=dict(request.headers.items()),
        query=list(request.args.items(multi=True)),
        form=list(request.form.items(multi=True)),
        body=request.get_data(),
    )


def _taken_by_kannel() -> Response:
    """200 and nothing else: Kannel repeats after another status, and would send a body as a text."""
    return Response("", content_type="text/plain; charset=utf-8")


def _refuse(_error: BadCallback) -> Response:
    return Response(status=403)


def _without_page(error: HTTPException) -> Response:
    response = Response(status=error.code or 500)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    if retry_after := getattr(error, "retry_after", None):
        response.headers["Retry-After"] = str(retry_after)
    return response
