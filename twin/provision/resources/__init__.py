"""The resource types that the twin can provision: one function each to apply and to delete. Importing this registers them all."""

from twin.provision.resources import api_gateway, compute, eventing, identity, monitoring, storage  # noqa: F401
from twin.provision.resources.registry import APPLY, DELETE, Applied, check_properties

__all__ = ["APPLY", "DELETE", "Applied", "check_properties"]
