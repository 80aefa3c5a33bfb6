"""The composition root: only register_* calls."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path

from flask import Flask
from sqlalchemy.orm import configure_mappers
from werkzeug.middleware.proxy_fix import ProxyFix

import admin_views
from config import ConfigurationError, Settings

from . import account, cli, models, operations
from .extensions import babel, db, migrate
from .guard import protect
from .web import errors, headers, pages, people, requests, words

ROOT = Path(__file__).resolve().parent.parent

#: Imported for what they declare: tables and rules.
DECLARED = (models, operations)


def create_app(settings: Settings, packages: tuple[str, ...] = ()) -> Flask:
    """Return the application for `settings`.

    Each of `packages` may bring resources of its own: its modules `models` and `views` are imported.
    """
    app = Flask(
        "backoffice",
        root_path=str(ROOT / "backoffice"),
        template_folder=str(ROOT / "templates"),
        instance_path=str(settings.instance_path),
    )
    app.config.from_mapping(settings.flask())
    app.extensions["settings"] = settings
    for package in packages:
        import_module(f"{package}.models")
    configure_mappers()
    register_log(app)
    register_proxy(app)
    register_database(app)
    register_languages(app)
    register_security(app)
    register_pages(app)
    register_errors(app)
    register_account(app)
    register_admin(app, packages)
    register_commands(app)
    return app


def register_log(app: Flask) -> None:
    """Log what is as important as the settings say; of libraries warnings, for what they tell besides may be data."""
    settings: Settings = app.extensions["settings"]
    level = logging.getLevelNamesMapping()[settings.log_level]
    for logger in (app.logger, logging.getLogger("werkzeug")):
        logger.setLevel(level)
    # SQLAlchemy has a level of its own.
    for name in ("", "sqlalchemy"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def register_database(app: Flask) -> None:
    """Bind the database; every connection is read-only unless it goes through the door."""
    settings: Settings = app.extensions["settings"]
    try:
        # It holds password hashes and keys, whatever the umask says of the files in it.
        settings.instance_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        problem = f"INSTANCE_PATH {settings.instance_path} cannot be used: {error}. Name a writable folder."
        raise ConfigurationError([problem]) from error
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    with app.app_context():
        protect(db.engine)


def register_proxy(app: Flask) -> None:
    """Believe as many reverse proxies in front as the settings name, and none that they do not."""
    settings: Settings = app.extensions["settings"]
    if count := settings.proxy_fix:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]


def register_languages(app: Flask) -> None:
    """Bind translations; outside of a request the language is English and the zone UTC."""
    babel.init_app(
        app,
        default_translation_directories=str(ROOT / "translations"),
        locale_selector=people.locale_choice,
        timezone_selector=people.zone_choice,
    )


def register_security(app: Flask) -> None:
    """Turn away what is no request for us; ask every POST for its token; tell browsers what our pages never do."""
    requests.register(app)
    headers.register(app)


def register_pages(app: Flask) -> None:
    """Give templates their helpers."""
    pages.register(app)
    words.register(app)


def register_errors(app: Flask) -> None:
    """Answer refusals and faults in words."""
    errors.register(app)


def register_account(app: Flask) -> None:
    """Let people sign in."""
    account.register(app)


def register_admin(app: Flask, packages: tuple[str, ...]) -> None:
    """Build the admin with a view for each resource, those of `packages` included."""
    admin_views.register(app, packages)


def register_commands(app: Flask) -> None:
    """Add the commands to `flask --app run`."""
    cli.register(app)
