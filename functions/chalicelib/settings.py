"""What a Lambda reads from its environment (set in infra/template.yaml; listed in docs/reference/settings.md)."""

from __future__ import annotations

import os
from collections.abc import Mapping

from droplearn.contracts.errors import InternalError

STATE_MACHINES = {
    "learn": "LEARN_STATE_MACHINE_ARN",
    "evaluate": "EVALUATE_STATE_MACHINE_ARN",
    "deploy": "DEPLOY_STATE_MACHINE_ARN",
    "update": "UPDATE_STATE_MACHINE_ARN",
    "batch": "BATCH_STATE_MACHINE_ARN",
    "delete": "DELETE_STATE_MACHINE_ARN",
}


class Settings:
    """Reads when asked, since each Lambda has only the variables that it needs."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    def _text(self, name: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            raise InternalError("settings.missing", f"The environment variable {name} is not set.", hint="See infra/template.yaml.")
        return value

    @property
    def table_name(self) -> str:
        """The DynamoDB table."""
        return self._text("TABLE_NAME")

    @property
    def recall_table_name(self) -> str:
        """The DynamoDB table with the rows of services of tables."""
        return self._text("RECALL_TABLE_NAME")

    @property
    def data_bucket(self) -> str:
        """Where users drop."""
        return self._text("DATA_BUCKET")

    @property
    def artifact_bucket(self) -> str:
        """Where droplearn writes."""
        return self._text("ARTIFACT_BUCKET")

    @property
    def drop_queue_url(self) -> str:
        """S3's messages about the data bucket."""
        return self._text("DROP_QUEUE_URL")

    @property
    def quiet_queue_url(self) -> str:
        """Delayed messages: has a dataset been quiet long enough?"""
        return self._text("QUIET_QUEUE_URL")

    def state_machine(self, name: str) -> str:
        """ARN. `name`: one of STATE_MACHINES."""
        return self._text(STATE_MACHINES[name])

    @property
    def sweep_rule(self) -> str:
        """The rule of EventBridge that runs the sweep."""
        return self._text("SWEEP_RULE")

    @property
    def instance_prices(self) -> str:
        """Empty: the table of this release."""
        return self._environment.get("INSTANCE_PRICES", "")

    @property
    def vpc_subnets(self) -> list[str]:
        """Where the servers of services of the network `vpc` are; none: there is no VPC."""
        return _names(self._environment.get("VPC_SUBNETS", ""))

    @property
    def vpc_security_groups(self) -> list[str]:
        """Theirs."""
        return _names(self._environment.get("VPC_SECURITY_GROUPS", ""))

    @property
    def trial_function(self) -> str:
        """The Lambda of the serving image."""
        return self._text("TRIAL_FUNCTION_NAME")

    @property
    def trials_per_day(self) -> int:
        """Of each model; 0: none."""
        return int(self._environment.get("TRIALS_PER_DAY", "5"))

    @property
    def capacity_first_wait_s(self) -> int:
        """Before the second try to get an instance; doubles with each further one."""
        return int(self._environment.get("CAPACITY_FIRST_WAIT_S", "60"))

    @property
    def capacity_longest_wait_s(self) -> int:
        """Upper bound of one wait."""
        return int(self._environment.get("CAPACITY_LONGEST_WAIT_S", "900"))

    @property
    def capacity_give_up_s(self) -> int:
        """A task that has waited so long fails with `capacity.unavailable`."""
        return int(self._environment.get("CAPACITY_GIVE_UP_S", "86400"))

    @property
    def endpoint_start_s(self) -> int:
        """An endpoint that is not in service after so long is removed."""
        return int(self._environment.get("ENDPOINT_START_S", "1800"))


def _names(text: str) -> list[str]:
    """Separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
