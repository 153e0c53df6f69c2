"""Who calls: the twin's own root keys, random for each state folder, and credentials of roles minted from moto's STS."""

import json
import secrets
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

_REFRESH_S = 3000  # role credentials live for 3600 s


class Keys(NamedTuple):
    """Credentials in the order in which every AWS tool names them."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def for_boto3(self) -> dict[str, Any]:
        """Keyword arguments of boto3's clients and sessions."""
        named = {"aws_access_key_id": self.access_key_id, "aws_secret_access_key": self.secret_access_key}
        return named | ({"aws_session_token": self.session_token} if self.session_token else {})

    def for_environment(self) -> dict[str, str]:
        """Environment variables, as AWS sets them in Lambda functions and containers."""
        return {name.upper(): value for name, value in self.for_boto3().items()}


def new_access_key() -> Keys:
    """Random keys in the form of IAM's permanent ones."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    return Keys("AKIA" + "".join(secrets.choice(alphabet) for _ in range(16)), secrets.token_urlsafe(30))


def load_root_keys(state: Path) -> Keys:
    """The root keys of a state folder; made on first use, readable by its owner only."""
    path = state / "root_keys.json"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(json.dumps(new_access_key()._asdict()))
    return Keys(**json.loads(path.read_text()))


class Credentials:
    """The root keys, and cached keys of each role that something in the twin acts as."""

    def __init__(self, root: Keys):
        self.root = root
        self._roles: dict[tuple[str, str], tuple[float, Keys]] = {}
        self._lock = threading.Lock()

    def of_role(self, role_arn: str, session: str = "twin") -> Keys:
        """Keys of a role. The role is looked up at each call that uses them, so a role that does not exist may do nothing."""
        from moto.sts.models import sts_backends

        with self._lock:
            expires, keys = self._roles.get((role_arn, session), (0.0, None))
            if keys is not None and expires > time.monotonic():
                return keys
            _, partition, _, _, account, _ = role_arn.split(":", 5)
            assumed = sts_backends[account][partition].assume_role(
                region_name="us-east-1",
                role_session_name=session[:64],
                role_arn=role_arn,
                policy=None,
                duration=3600,
                external_id=None,
            )
            keys = Keys(assumed.access_key_id, assumed.secret_access_key, assumed.session_token)
            self._roles[role_arn, session] = (time.monotonic() + _REFRESH_S, keys)
            return keys
