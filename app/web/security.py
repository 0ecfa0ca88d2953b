"""Security headers of every response, trusted proxies, and CSRF protection where a cookie signs in."""

from collections.abc import Mapping
from functools import lru_cache, partial
from http import HTTPStatus
from ipaddress import ip_address

from flask import Flask, Request, Response, abort, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from app.config import Settings
from app.web import services
from app.web.current import current_globals, current_request

csrf = CSRFProtect()
_ADDRESS_CHARS_MAX = 64
HSTS = "max-age=31536000"
PERMISSIONS = "camera=(), microphone=(), geolocation=()"

# For pages of the main application. A view that may be framed, or that frames others, changes it with ``set_policy``.
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "font-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


class _SessionCookies(SecureCookieSessionInterface):
    """Session cookies are Secure when browsers reach this server by HTTPS."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - Flask calls it like this
        return is_https()


def init_app(app: Flask) -> None:
    """Set up session cookies, CSRF protection and headers of the main application."""
    app.config.update(
        SESSION_COOKIE_NAME="assent_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )
    app.session_interface = _SessionCookies()
    csrf.init_app(app)
    set_headers(app, _PAGE_HEADERS)


def trust_proxies(app: Flask, settings: Settings) -> None:
    """Trust ``X-Forwarded-*`` of the configured number of proxies. Call it last, so that it applies to mounts, too."""
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_port=hops)  # type: ignore[method-assign]  # as Flask documents it


def client_address(current: Request) -> str | None:
    """The client's IP address: of the connection, or as the trusted proxies report it. Null where neither is one."""
    if _is_address(current.remote_addr):
        return current.remote_addr
    of_proxy: str | None = current.environ.get("werkzeug.proxy_fix.orig", {}).get("REMOTE_ADDR")
    return of_proxy if _is_address(of_proxy) else None


def _is_address(text: str | None) -> bool:
    return text is not None and len(text) <= _ADDRESS_CHARS_MAX and _is_ip_address(text)


@lru_cache(maxsize=4096)  # the same clients ask again, and to parse an address takes longer than any other hook
def _is_ip_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def is_https() -> bool:
    """Whether browsers reach this server by HTTPS: this request came by it, or the configured address has it."""
    return request.is_secure or public_url().startswith("https:")


def public_url() -> str:
    """The address of this server: as configured, else as this request reached it. No slash at the end."""
    return services.settings().public_url or request.host_url.rstrip("/")


def set_policy(response: Response, **changed: str) -> Response:
    """Set the standard content security policy with changes: ``set_policy(response, frame_ancestors="'self'")``."""
    policy = POLICY | {name.replace("_", "-"): value for name, value in changed.items()}
    response.headers["Content-Security-Policy"] = _text_of(policy)
    return response


def _text_of(policy: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in policy.items())


def refuse_other_sites() -> None:
    """Refuse a request from a page of another site: a ``before_request`` hook.

    Such a request could not use any cookie; this is a second line of defense.

    :raises Forbidden: the browser says that another site sent it
    """
    if current_request().environ.get("HTTP_SEC_FETCH_SITE", "same-origin") not in {"same-origin", "none"}:
        abort(HTTPStatus.FORBIDDEN)


def set_headers(app: Flask, headers: Mapping[str, str]) -> None:
    """Give each response of an application the headers that all have, and these, where they are not set yet.

    An ``after_request`` hook that is registered later runs earlier and may set other values.
    """
    app.after_request(partial(_set_missing, {**_COMMON_HEADERS, **headers}))


def _set_missing(headers: Mapping[str, str], response: Response) -> Response:
    """The names that are set are read once, and not for each header again."""
    found = response.headers
    present = {name.lower() for name, _ in found}
    for name, value in headers.items():
        if name.lower() not in present:
            found.add(name, value)
    found.add("X-Request-Id", current_globals().get("request_id", ""))
    if current_request().is_secure and "strict-transport-security" not in present:
        found.add("Strict-Transport-Security", HSTS)
    return response


_COMMON_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_PAGE_HEADERS = {
    "Content-Security-Policy": _text_of(POLICY),
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS,
    "Cross-Origin-Opener-Policy": "same-origin",
}
