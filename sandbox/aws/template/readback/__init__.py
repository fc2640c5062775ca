"""Reads back what a template asked for: what a service accepted and then forgot must not look applied.

moto takes most properties and keeps only some of them. After each resource is created, every property that its handler
applies is read from the service that runs it and compared with what the template says.
"""

from sandbox.aws.template.readback import compute, data, identity, messaging, workflow
from sandbox.aws.template.readback.check import READERS, check_applied

__all__ = ["READERS", "check_applied", "compute", "data", "identity", "messaging", "workflow"]
