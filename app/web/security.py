"""Headers on every answer, proxies as configured, CSRF on everything that a cookie authenticates."""

import uuid
from urllib.parse import urlsplit

from flask import Flask, Request, Response, g, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from app.config import Settings

csrf = CSRFProtect()
HSTS = "max-age=31536000"
PERMISSIONS = "camera=(), microphone=(), geolocation=()"

# Pages of our own. Views that are meant to be framed, or to frame, say so with ``set_policy``.
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
    """Session cookies are Secure whenever the page came by HTTPS, or people reach this server by HTTPS only."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure or public_url(app).startswith("https:")


def protect(app: Flask, settings: Settings) -> None:
    """Wire proxies, CSRF, session cookies and headers."""
    app.config.update(
        SESSION_COOKIE_NAME="assent_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )
    app.session_interface = _SessionCookies()
    csrf.init_app(app)
    app.extensions["assent.public_url"] = settings.public_url
    app.before_request(name_request)
    app.after_request(_set_headers)


def trust_proxies(app: Flask, settings: Settings) -> None:
    """Believe as many proxies as are configured. Last of all, so that every surface sees what they say."""
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_port=hops)  # type: ignore[method-assign]


def client_address(current: Request) -> str | None:
    """The person's address: of the connection, or what the trusted proxies say."""
    return current.remote_addr


def public_url(app: Flask) -> str:
    """Where people reach this server: as configured, else as this request reached it. No slash at the end."""
    configured: str = app.extensions["assent.public_url"]
    return configured or request.host_url.rstrip("/")


def own_origin(app: Flask) -> str:
    parts = urlsplit(public_url(app))
    return f"{parts.scheme}://{parts.netloc}"


def set_policy(response: Response, **changed: str) -> Response:
    """Answer with the standard policy, changed in places: ``set_policy(response, frame_ancestors="'self'")``."""
    policy = POLICY | {name.replace("_", "-"): value for name, value in changed.items()}
    response.headers["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in policy.items())
    return response


def name_request() -> None:
    """Give the request an id, for its log line and its ``X-Request-Id``."""
    g.request_id = uuid.uuid4().hex


def _set_headers(response: Response) -> Response:
    headers = response.headers
    if "Content-Security-Policy" not in headers:
        set_policy(response)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", PERMISSIONS)
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers["X-Request-Id"] = g.get("request_id", "")
    if "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store"
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", HSTS)
    return response
