"""The life of the process: listen, load in the background, serve, drain on SIGTERM, exit 0. A model that cannot be served: exit 1.

SIGTERM while it loads: there is nothing to drain, and nobody waits for the load, which cannot be interrupted.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import uvicorn

from server.admission import Phase
from server.app import Serving, make_app
from server.engine import Engines
from server.errors import InvalidModel
from server.json_log import JsonLogHandler, log
from server.settings import Settings
from server.versions import load_versions, remove_unpacked


class DrainingServer(uvicorn.Server):
    """On SIGTERM uvicorn closes its port at once; this one goes on answering (`/ping` 503, 2002) until what is in flight is done."""

    def __init__(self, config: uvicorn.Config, serving: Serving) -> None:
        super().__init__(config)
        self._serving, self._drain_until, self._next_summary = serving, 0.0, time.monotonic()
        self.has_failed, self.cut_off = False, 0
        self.engines, self._loader = Engines(serving.settings), ThreadPoolExecutor(1, "load")
        """The loader's thread lives as long as the process: a child that it starts would end with it."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """The second signal ends it at once."""
        if self._serving.admission.phase is Phase.DRAINING:
            self.should_exit = self.force_exit = True
            return
        self._serving.admission.phase = Phase.DRAINING
        self._drain_until = time.monotonic() + self._serving.settings.grace_s
        log("draining", signal=sig, pending=self._serving.admission.in_flight)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens first, so that /ping can say 503 while the model is loaded."""
        await super().startup(sockets)
        self._loading = asyncio.create_task(self._load())

    @property
    def is_loading(self) -> bool:
        """Its thread is at it, and will be for who knows how long."""
        return self._serving.versions is None and not self.has_failed

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        now = time.monotonic()
        if self._serving.admission.phase is Phase.DRAINING and (self._serving.admission.in_flight == 0 or now > self._drain_until):
            self.should_exit = True
        versions = self._serving.versions
        if versions is not None and not versions.is_alive and not self.has_failed:
            log("engine_ended", "error", message="The host is expected to start this server anew.")
            self.has_failed = self.should_exit = True
        if now >= self._next_summary or self.should_exit:
            self._next_summary = now + self._serving.settings.summary_interval_s
            if summary := self._serving.metrics.summary():
                log("summary", **summary)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Whatever ends it, what is still in flight then is cut off."""
        await super().shutdown(sockets)
        self.cut_off = self._serving.admission.in_flight

    async def _load(self) -> None:
        started = time.perf_counter()
        try:
            loaded = await asyncio.get_running_loop().run_in_executor(self._loader, load_versions, self._serving.settings, self.engines)
        except InvalidModel as error:
            log("model_refused", "error", **error.to_dict())
            self.has_failed = self.should_exit = True
            return
        except Exception as error:  # noqa: BLE001 (the edge: an unforeseen failure must end the process, not leave it at 503)
            log("model_refused", "error", code="model.unusable", message=repr(error), hint="See the log of the container.")
            self.has_failed = self.should_exit = True
            return
        self._serving.versions = loaded
        if self._serving.admission.phase is Phase.LOADING:
            self._serving.admission.phase = Phase.READY
        for version in loaded.loaded:
            told = version.prediction.manifest
            about: dict[str, Any] = {"model": told.model_id, "variant": told.variant, "scenario": told.scenario, "labels": len(told.labels)}
            log("loaded", version=version.name, weight=version.weight, **about)
        log("ready", load_s=round(time.perf_counter() - started, 3), versions=len(loaded.loaded), refused=list(loaded.refused))


def run(settings: Settings) -> int:
    """The exit status: 0 after a clean drain, 1 when the model was refused or requests were cut off."""
    logging.basicConfig(handlers=[JsonLogHandler()], level=logging.WARNING)
    serving = Serving(settings)
    config = uvicorn.Config(
        make_app(serving),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
        backlog=1024,
    )
    server = DrainingServer(config, serving)
    log("listening", host=settings.host, port=settings.port, workers=settings.workers, max_pending=settings.max_pending)
    server.run()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what is left is short
    serving.workers.close()
    server.engines.close()
    remove_unpacked(settings)
    status = 1 if server.has_failed or server.cut_off else 0
    log("stopped", cut_off=server.cut_off, exit_status=status)
    if server.cut_off or server.is_loading:
        os._exit(status)  # a thread that overran the grace time, or still loads, must not hold the process
    return status
