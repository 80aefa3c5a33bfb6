"""The headers that tell a browser what our pages never do."""

from __future__ import annotations

from flask import Flask, Response, request

from config import Settings

from ..extensions import csrf

_SOURCES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
CONTENT_SECURITY_POLICY = "; ".join(f"{kind} {sources}" for kind, sources in _SOURCES.items())

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

#: Two years, as browsers ask for before they take a host into their lists.
TRANSPORT_SECURITY = "max-age=63072000; includeSubDomains"

#: Endpoints whose answers are the same for everybody.
PUBLIC = frozenset({"static", "static_icons", "static_words"})


def register(app: Flask) -> None:
    """Ask every POST for its token and put the headers on every answer."""
    csrf.init_app(app)
    app.after_request(_harden)
    settings: Settings = app.extensions["settings"]
    if settings.secure_cookies:
        app.after_request(_transport)


def _harden(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint not in PUBLIC and "Cache-Control" not in response.headers:
        # What was seen while signed in must not come back from a cache after signing out.
        response.headers["Cache-Control"] = "no-store"
    return response


def _transport(response: Response) -> Response:
    response.headers.setdefault("Strict-Transport-Security", TRANSPORT_SECURITY)
    return response
