"""What Lambda allows a function, in numbers; and what of Lambda's surroundings is not here, in words."""

from __future__ import annotations

INIT_LIMIT = 10.0
"""Seconds for initialisation before the first invocation. What does not make it is started once more, on the
function's own timeout (developer guide, "Failures during the Init phase").
"""
MAX_REQUEST_BYTES = 6_291_456
"""Lambda's limit of a synchronous invocation's event, as its own error message states it."""
MAX_RESPONSE_BYTES = 6_291_556
"""Lambda's limit of a synchronous response, as its own error message states it."""
LOOK_EVERY = 0.03
"""Seconds between two looks at memory, time and life of a process."""

LIMITS: tuple[tuple[str, str], ...] = (
    ("architecture and Python version", "functions run with this machine's processor and interpreter"),
    ("share of the processor", "on Lambda it grows with memory_size; here every function may use all of it"),
    ("file system", "not read-only, and /tmp is this machine's: shared between functions, without a limit of size"),
    ("/opt and LD_LIBRARY_PATH", "layers are on PYTHONPATH where they lie; a layer's lib folder is not searched"),
    ("network", "functions can reach whatever this machine can reach, with its resolver and its proxies"),
    ("user and kernel", "functions run as the user who started the sandbox; no seccomp, no limits on files or threads"),
    ("memory limit", f"looked at every {LOOK_EVERY * 1000:.0f} ms: a burst in between passes, page cache is left out"),
    ("children that call setsid()", "are neither counted nor killed with the function"),
    ("freezing", "a process goes on between invocations where Lambda would freeze it"),
    ("life of an instance", "an idle process is kept to the end of the sandbox; Lambda ends it after a while"),
    ("reserved and provisioned concurrency", "only the account's limit of concurrent executions applies"),
    ("asynchronous invocation and event sources", "refused: the pipeline has none but Step Functions"),
    ("sampling", "every invocation is traced; X-Ray takes one a second and 5% of the rest"),
)  # fmt: skip
"""What is not emulated, and what is the case instead; printed and listed, so that nobody relies on it."""
