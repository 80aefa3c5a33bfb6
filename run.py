"""The application, and as a script the development server."""

import config
from backoffice.app import create_app

settings = config.current()
app = create_app(settings)

if __name__ == "__main__":
    app.run(host=settings.host, port=settings.port)
