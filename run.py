"""Serve Backoffice: `flask --app run …`, `run:app` for a WSGI server, or `python run.py` for development."""

import os
import sys

from flask import Flask
from sqlalchemy.exc import DBAPIError

import config
from backoffice.app import create_app
from backoffice.errors import Refused
from backoffice.extensions import db
from backoffice.operations import upkeep


def require_database(app: Flask) -> None:
    """Raise ConfigurationError unless the database answers and has the tables of this release."""
    with app.app_context():
        try:
            upkeep.require_current(upkeep.database_revision())
        except Refused as error:
            raise config.ConfigurationError([str(error)]) from error
        except DBAPIError as error:
            reason = str(error.orig).strip().partition("\n")[0].rstrip(".")
            raise config.ConfigurationError([f"The database does not answer: {reason}. Check DATABASE_URL."]) from error
        finally:
            # A server may fork now, and no connection may be shared.
            db.engine.dispose()


try:
    settings = config.current()
    app = create_app(settings)
    # Commands must work before: one of them makes the tables.
    if settings.app_env == "production" and not os.environ.get("FLASK_RUN_FROM_CLI"):
        require_database(app)
except config.ConfigurationError as error:
    sys.exit(str(error))

if __name__ == "__main__":
    app.run(settings.host, settings.port, threaded=True)
