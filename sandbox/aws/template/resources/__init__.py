"""One small function for each resource type; importing this package fills the registry."""

from sandbox.aws.template.resources import (
    compute,
    identity,
    messaging,
    observing,
    storage,
    tables,
    workflow,
)

__all__ = ["compute", "identity", "messaging", "observing", "storage", "tables", "workflow"]
