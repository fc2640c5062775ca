"""The sandbox's AWS: moto for most APIs, own engines where moto's answers would be false."""

from sandbox.aws.account import Account
from sandbox.aws.deployment import Deployment, Execution, ExecutionResult
from sandbox.aws.template.model import DeployError, NotEmulated

__all__ = ["Account", "DeployError", "Deployment", "Execution", "ExecutionResult", "NotEmulated"]
