"""The machine that a container believes to have: a base folder in the place of /opt/ml, a log stream, a guarded process."""

import logging
import os
import re
import shutil
import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from moto.core.utils import unix_time_millis, utcnow
from moto.logs.models import logs_backends

from twin.identity import Credentials
from twin.processes import GuardedProcess
from twin.sagemaker.containers import Images
from twin.sagemaker.storage import RoleStorage

log = logging.getLogger("twin.sagemaker")
_END_OF_LOG_S = 5.0


class Machines:
    """What every job and endpoint of one twin shares."""

    def __init__(self, endpoint_url: str, credentials: Credentials, images: Images, work: Path):
        self.endpoint_url, self.credentials, self.images, self.work = endpoint_url, credentials, images, work
        shutil.rmtree(work, ignore_errors=True)  # left by a twin that was killed
        work.mkdir(parents=True)


class Host:
    """One container's base folder, storage, log and process."""

    def __init__(self, machines: Machines, account: str, region: str, role_arn: str, log_group: str, log_stream: str):
        self._machines, self._region = machines, region
        self.base = machines.work / uuid.uuid4().hex
        self.base.mkdir()
        self._keys = machines.credentials.of_role(role_arn, "SageMaker")
        self.storage = RoleStorage(role_arn, self._keys, machines.endpoint_url, account, region)
        self._logs, self._group, self._stream = logs_backends[account][region], log_group, log_stream
        self._logs.ensure_log_group(log_group)
        self._logs.create_log_stream(log_group, log_stream)
        self.metrics: dict[str, dict[str, Any]] = {}
        self.process: GuardedProcess | None = None
        self._reader: threading.Thread | None = None

    def folder(self, *parts: str) -> Path:
        """A folder below the base; made when missing."""
        path = self.base.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def start(
        self,
        image_uri: str,
        words: Sequence[str],
        environment: Mapping[str, str],
        metric_definitions: Sequence[Mapping[str, str]] = (),
    ) -> GuardedProcess:
        """Run the container's command. `metric_definitions` are searched in each line of its log."""
        command, image_environment = self._machines.images.command(image_uri, words)
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.base),
            "TZ": "UTC",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_ENDPOINT_URL": self._machines.endpoint_url,
            "SAGEMAKER_BASE_DIR": str(self.base),
            **self._keys.for_environment(),
            **image_environment,
            **environment,
        }
        patterns = [(m["Name"], re.compile(m["Regex"])) for m in metric_definitions]
        self.process = GuardedProcess(command, self.folder("tmp"), variables)
        self._reader = threading.Thread(target=self._read_log, args=(self.process, patterns), daemon=True)
        self._reader.start()
        return self.process

    def _read_log(self, process: GuardedProcess, patterns: list[tuple[str, re.Pattern[str]]]) -> None:
        with process.output:
            for raw in process.output:
                line = raw.decode(errors="replace").rstrip("\n")
                entry = {"timestamp": int(unix_time_millis()), "message": line}
                self._logs.put_log_events(self._group, self._stream, [entry])
                for name, pattern in patterns:
                    if found := pattern.search(line):
                        self._record_metric(name, found[1])

    def _record_metric(self, name: str, text: str) -> None:
        try:
            self.metrics[name] = {"MetricName": name, "Value": float(text), "Timestamp": utcnow()}
        except ValueError:
            log.warning("metric %s is not a number: %r", name, text)

    def finish_log(self) -> None:
        """Wait until all that the process wrote is in the log."""
        if self._reader is not None:
            self._reader.join(_END_OF_LOG_S)

    def remove(self) -> None:
        """Delete the base folder."""
        shutil.rmtree(self.base, ignore_errors=True)
