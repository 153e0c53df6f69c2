"""The life of endpoints: Creating, InService, Updating, Failed, deleted; with the event of each change. moto's are in service at once."""

import contextlib
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from moto.core.utils import utcnow
from moto.sagemaker.models import FakeEndpoint, sagemaker_backends

from twin.eventing.bus import put_event
from twin.sagemaker.host import Machines
from twin.sagemaker.servers import CannotServe, Fleet, VariantServer

log = logging.getLogger("twin.sagemaker")
_EVENT_STATUS = {
    "Creating": "CREATING",
    "InService": "IN_SERVICE",
    "Failed": "FAILED",
    "Updating": "UPDATING",
    "Deleting": "DELETING",
    "SystemUpdating": "SYSTEM_UPDATING",
}


class Endpoints:
    """All endpoints of one twin: which fleet serves each."""

    def __init__(self, machines: Machines):
        self._machines = machines
        self._fleets: dict[str, Fleet] = {}
        self._lock = threading.RLock()

    def create(self, backend: Any, endpoint: FakeEndpoint) -> None:
        """Start serving; the endpoint is Creating until it is healthy."""
        self._move(backend, endpoint, "Creating")
        self._in_background(self._bring_into_service, backend, endpoint)

    def update(self, backend: Any, endpoint: FakeEndpoint, config_name: str) -> None:
        """Serve by another configuration; the old fleet answers until the new one is healthy."""
        self._move(backend, endpoint, "Updating")
        self._in_background(self._replace, backend, endpoint, config_name)

    def delete(self, backend: Any, endpoint: FakeEndpoint) -> None:
        """Stop serving what the backend does not have any more. It is gone at once; its processes drain."""
        with self._lock:
            fleet = self._fleets.pop(endpoint.arn, None)
        self._move(backend, endpoint, "Deleting")
        if fleet is not None:
            self._in_background(fleet.stop)

    def weigh(self, backend: Any, endpoint: FakeEndpoint, weights: Mapping[str, float]) -> None:
        """Move traffic between the variants; the endpoint is Updating for a moment, as SageMaker's."""
        self._move(backend, endpoint, "Updating")
        self._in_background(self._weigh, backend, endpoint, weights)

    @contextlib.contextmanager
    def serving(self, endpoint: FakeEndpoint, variant: str | None) -> Iterator[VariantServer | None]:
        """The server for one request; it is not ended before the request is. None: no such variant."""
        with self._lock:
            fleet = self._fleets.get(endpoint.arn)
            server = fleet.choose(variant) if fleet else None
            if server is not None:
                server.begin()
        try:
            yield server
        finally:
            if server is not None:
                server.end()

    def close(self) -> None:
        """End all processes, because the twin ends."""
        with self._lock:
            fleets, self._fleets = list(self._fleets.values()), {}
        for fleet in fleets:
            fleet.stop(0.5)

    def start_all_after_restart(self) -> None:
        """No process survives a restart of the twin: each endpoint is SystemUpdating until its servers run again."""
        for regions in list(sagemaker_backends.values()):
            for backend in list(regions.values()):
                for endpoint in list(backend.endpoints.values()):
                    if endpoint.endpoint_status != "Failed":
                        self._move(backend, endpoint, "SystemUpdating")
                        self._in_background(self._bring_into_service, backend, endpoint)

    @staticmethod
    def _in_background(work: Any, *arguments: Any) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _fleet(self, backend: Any, endpoint: FakeEndpoint, config_name: str) -> Fleet:
        servers = []
        for variant in backend.describe_endpoint_config(config_name)["ProductionVariants"]:
            found = backend.describe_model(variant["ModelName"])
            model = found if isinstance(found, dict) else found.response_object
            server = VariantServer(self._machines, backend.account_id, backend.region_name, endpoint.endpoint_name, variant, model)
            servers.append(server)
        return Fleet(servers)

    def _bring_into_service(self, backend: Any, endpoint: FakeEndpoint) -> None:
        try:
            fleet = self._fleet(backend, endpoint, endpoint.endpoint_config_name)
            fleet.start()
        except CannotServe as error:
            self._move(backend, endpoint, "Failed", str(error))
        except Exception as error:
            log.exception("endpoint %s", endpoint.endpoint_name)
            self._move(backend, endpoint, "Failed", f"InternalServerError: {error}")
        else:
            self._serve(backend, endpoint, fleet)

    def _replace(self, backend: Any, endpoint: FakeEndpoint, config_name: str) -> None:
        try:
            fleet = self._fleet(backend, endpoint, config_name)
            fleet.start()
        except Exception as error:
            if not isinstance(error, CannotServe):
                log.exception("endpoint %s", endpoint.endpoint_name)
            self._move(backend, endpoint, "InService", f"The update failed and was rolled back: {error}")
            return
        old = self._fleets.get(endpoint.arn)
        endpoint.endpoint_config_name = config_name
        variants = backend.describe_endpoint_config(config_name)["ProductionVariants"]
        endpoint.production_variants = endpoint._process_production_variants(variants)
        self._serve(backend, endpoint, fleet)
        if old is not None:
            old.stop()

    def _weigh(self, backend: Any, endpoint: FakeEndpoint, weights: Mapping[str, float]) -> None:
        with self._lock:
            fleet = self._fleets.get(endpoint.arn)
            if fleet is None:
                return
            fleet.weigh(weights)
        for variant in endpoint.production_variants:
            if variant["VariantName"] in weights:
                variant["CurrentWeight"] = variant["DesiredWeight"] = weights[variant["VariantName"]]
        self._move(backend, endpoint, "InService")

    def _serve(self, backend: Any, endpoint: FakeEndpoint, fleet: Fleet) -> None:
        with self._lock:
            is_deleted = backend.endpoints.get(endpoint.endpoint_name) is not endpoint
            if not is_deleted:
                self._fleets[endpoint.arn] = fleet
        if is_deleted:
            fleet.stop(0.5)
        else:
            self._move(backend, endpoint, "InService")

    @staticmethod
    def _move(backend: Any, endpoint: FakeEndpoint, status: str, reason: str | None = None) -> None:
        if status != "Deleting" and backend.endpoints.get(endpoint.endpoint_name) is not endpoint:
            return  # deleted meanwhile: nobody waits for it, and another may have its name
        endpoint.endpoint_status, endpoint.failure_reason = status, reason
        endpoint.last_modified_time = utcnow()
        detail = endpoint.response_object | {"EndpointStatus": _EVENT_STATUS[status]}
        detail = json.loads(json.dumps(detail, default=lambda when: int(when.timestamp() * 1000)))
        kind = "SageMaker Endpoint State Change"
        put_event(backend.account_id, backend.region_name, "aws.sagemaker", kind, detail, [endpoint.arn])
