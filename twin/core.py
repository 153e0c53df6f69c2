"""AWS itself: moto with all repairs, one state folder, one port. Only one in a process, since moto's backends are global."""

import contextlib
import logging
import threading
from typing import Any

from twin.identity import Credentials, load_root_keys
from twin.lock import AlreadyRunning
from twin.settings import HOST, Options

log = logging.getLogger("twin.core")


class Core:
    """The AWS endpoint. `start` makes it answer, `finish_restart` tells the world what the restart has ended."""

    def __init__(self, options: Options):
        self.options = options
        self._stop = threading.Event()
        self.credentials = Credentials(load_root_keys(options.state))
        self._configure_moto()
        self._install_repairs()
        from twin.snapshot import blobs

        self.is_restart = self._store.load()
        blobs.sweep(options.state / "blobs")

    def _configure_moto(self) -> None:
        from moto.core.config import default_user_config

        from twin import absent

        absent.install()
        default_user_config["stepfunctions"] = {"execute_state_machine": True}

    def _install_repairs(self) -> None:
        from twin import atomic, dynamodb, eventing, iam, lambdas, lookups, s3_events, sagemaker, snapshot, sqs, stepfunctions  # noqa: F401
        from twin.dynamodb import answers, indexes, locking, transactions
        from twin.eventing import targets
        from twin.iam import enforcement
        from twin.lambdas import function_code, invocation, poller
        from twin.lambdas.runtime import Runtime
        from twin.packaging.dependencies import cache_folder
        from twin.sagemaker import scaling
        from twin.sagemaker.api import SageMaker
        from twin.sagemaker.containers import Images
        from twin.sagemaker.host import Machines
        from twin.snapshot import blobs
        from twin.snapshot.gate import Gate
        from twin.snapshot.store import SnapshotStore
        from twin.stepfunctions import clients, definitions, executions, sagemaker_task, values, waiting

        options, state = self.options, self.options.state
        self.gate = Gate()
        self._store = SnapshotStore(state / "backends.snapshot", self.gate)
        blobs.install(state / "blobs")
        function_code.install()
        for repair in (atomic, s3_events, sqs, indexes, answers, locking, transactions, targets, scaling):
            repair.install()
        for repair in (sagemaker_task, values, waiting, executions):
            repair.install()
        definitions.install(cache_folder() / "definitions")
        clients.install(options.endpoint_url, self.credentials)
        enforcement.install(self.credentials.root.access_key_id)
        images = Images.of_project(options.project, options.images)
        self.runtime = Runtime(options.endpoint_url, self.credentials, state / "code", images)
        invocation.install(self.runtime)
        poller.install(self.runtime, self._stop)
        machines = Machines(options.endpoint_url, self.credentials, images, state / "work")
        self.sagemaker = SageMaker(machines, state / "quotas.json")
        self.sagemaker.install()
        lookups.install()

    def start(self) -> None:
        """Answer on the port.

        Raises:
            AlreadyRunning: the port is taken.
        """
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        from twin.requests import RequestHandler
        from twin.sagemaker.runtime_api import keep_forms_whole

        application = self.gate.middleware(keep_forms_whole(DomainDispatcherApplication(create_backend_app)))
        try:
            self._server: Any = make_server(HOST, self.options.port, application, threaded=True, request_handler=RequestHandler)
        except (OSError, SystemExit):
            raise AlreadyRunning(f"port {self.options.port} is in use: another twin, or choose --port") from None
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="aws").start()

    def go_live(self) -> None:
        """Begin what happens by itself: pollers, schedules, snapshots; and end what the restart has cut off."""
        from twin.eventing.schedules import Clock
        from twin.lambdas import poller

        if self.is_restart:
            poller.resume(self.runtime, self._stop)
            self._end_what_was_running()
        Clock(self._stop).start()
        self._store.start()

    def _end_what_was_running(self) -> None:
        from twin.stepfunctions.restart import abort_running_executions

        self.sagemaker.fail_jobs_after_restart()
        self.sagemaker.endpoints.start_all_after_restart()
        abort_running_executions()

    def close(self) -> None:
        """Stop everything, save, and leave no process behind."""
        self._stop.set()
        for end in (self.runtime.close, self.sagemaker.close, self._server.shutdown, self._store.close):
            with contextlib.suppress(Exception):
                end()
