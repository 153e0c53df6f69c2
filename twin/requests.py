"""How the AWS endpoint reads HTTP: keep-alive, quiet, and without Nagle's delay on each small answer."""

import logging
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler

log = logging.getLogger("twin.requests")


class RequestHandler(MotoRequestHandler):
    """moto's handler, for many small requests on few connections."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *arguments: Any) -> None:
        """Errors go to the log file, not to the terminal."""
        log.log(logging.WARNING if type == "error" else logging.DEBUG, message, *arguments)

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Nothing for each request."""
