"""Serve Backoffice: `flask --app run …`, `run:app` for a WSGI server, or `python run.py` for development."""

import sys

import config
from backoffice.app import create_app

try:
    settings = config.current()
except config.ConfigurationError as error:
    sys.exit(str(error))

app = create_app(settings)

if __name__ == "__main__":
    app.run(settings.host, settings.port, threaded=True)
