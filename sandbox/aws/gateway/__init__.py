"""What every request to moto passes on its way: it is named, recorded, disturbed as ordered, and answered."""

from sandbox.aws.gateway.log import ApiCall, CallLog

__all__ = ["ApiCall", "CallLog"]
