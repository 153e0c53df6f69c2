"""What moto looks up again for each request or service, remembered. The answers never change while the twin runs.

For each request it lists its own folders and tries a hundred patterns to find the service of a host (1 ms), and the operations of its
service (0.5 ms); for each service it makes a loader that lists all folders of botocore's models (20 ms).
"""

from functools import cache, lru_cache

from moto.core import responses, utils
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

_HOSTS = 1024


def install() -> None:
    """Wrap them. After all repairs: they may add operations."""
    utils.create_loader = cache(utils.create_loader)
    responses.method_names_from_class = cache(utils.method_names_from_class)
    look_up = DomainDispatcherApplication.get_backend_for_host

    @lru_cache(maxsize=_HOSTS)
    def remembered(application: DomainDispatcherApplication, host: str | None) -> object:
        return look_up(application, host)

    DomainDispatcherApplication.get_backend_for_host = lambda application, host: remembered(application, host)
