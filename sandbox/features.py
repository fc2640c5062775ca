"""What the sandbox emulates: the closed list. Every entry is verified by at least one test that carries its id.

``tests/infrastructure/test_sandbox_document.py`` holds the two together; ``docs/SANDBOX.md`` is made of them.
"""

from __future__ import annotations

from dataclasses import dataclass

INTRODUCTION = """\
`sandbox/` runs the synthesised CloudFormation template, the real state machine and the real handlers on one machine,
with no AWS account, no Docker and no network: on Linux, or on Windows in WSL. What it cannot do faithfully it refuses
or prints under "Not emulated" at the end of a run. This page is written by `make docs` from the code and from the marks
of the tests; a test fails when it is out of date."""

AREAS = {
    "pipeline": "The pipeline as a whole",
    "run": "The command",
    "functions": "Lambda functions",
    "s3": "S3",
    "template": "CloudFormation template",
    "states": "Step Functions",
    "dynamodb": "DynamoDB",
    "account": "The account's other services",
    "scheduler": "EventBridge Scheduler",
    "events": "EventBridge's rules",
    "state": "An account that is kept (`--state`)",
    "traces": "X-Ray",
    "permissions": "IAM",
    "faults": "Fault injection",
    "gopro": "GoPro cloud",
    "guards": "Pins and guards",
}
"""Id's first part to the heading, in the document's order."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that the sandbox promises. ``id`` begins with its area; ``how`` is one sentence for the table."""

    id: str
    name: str
    how: str

    @property
    def area(self) -> str:
        """Return the id's first part."""
        return self.id.split(".")[0]


FEATURES = (
    Feature("pipeline.one-command", "Everything from one command", "`python -m sandbox run` starts, runs, compares"),
    Feature("pipeline.compared", "The archive is what the source served", "every object by content"),
    Feature("pipeline.no-secrets", "No secret in what a run leaves", "all evidence is searched for planted canaries"),
    Feature("pipeline.nothing-left", "Nothing is left behind", "processes, ports and temporary files end with the run"),
    Feature("pipeline.broken-is-red", "A broken pipeline turns red", "broken assemblies end with a sentence"),
    Feature("run.stale-folders", "Killed runs are cleaned up after", "by the next run; live ones are left alone"),
    Feature("functions.runtime", "Handlers run as on Lambda", "`awslambdaric`, a process for each instance"),
    Feature("functions.invoke", "Invocation through the API", "reaches the same processes; asynchronous is refused"),
    Feature("functions.environment", "Environment as on Lambda", "documented variables, the template's, nothing else"),
    Feature("functions.layers", "Layers", "the template's layers on PYTHONPATH, packages built for this machine"),
    Feature("functions.memory-limit", "Memory limit", "resident memory of process and children watched from outside"),
    Feature("functions.timeout", "Timeout", "killed from outside when the configured seconds are over"),
    Feature("functions.init-limit", "Init limit", "10 s, then once more in the function's own time"),
    Feature("functions.payload-limits", "Payload limits", "event and answer measured at Lambda's 6 MB"),
    Feature("functions.warm-pool", "Warm pool and concurrency", "idle processes reused, the account's limit enforced"),
    Feature("functions.starts", "What a start costs", "handler's import and initialisation timed, of every function"),
    Feature("functions.errors", "Errors as Step Functions sees them", "exits, kills and exceptions by Lambda's names"),
    Feature("s3.put", "Put, get, head", "a strict server of our own, on disk"),
    Feature("s3.ranges", "Ranges and conditions of reads", "exact 206, 304, 412 and 416"),
    Feature("s3.metadata", "Metadata, tags, storage class", "kept with the object, given back as S3 does"),
    Feature("s3.encryption", "SSE-KMS headers and bucket defaults", "headers and use of the key; bytes are plain"),
    Feature("s3.multipart", "Multipart uploads", "parts on disk, order, size and checksum rules at Complete"),
    Feature("s3.listing", "Objects, parts, uploads, attributes listed", "paged as S3 does"),
    Feature("s3.checksums", "Checksums of parts and wholes", "CRC64NVME, CRC32, SHA-256 computed and compared"),
    Feature("s3.trailers", "aws-chunked trailers", "decoded and verified while the bytes arrive"),
    Feature("s3.object-size", "MpuObjectSize", "compared with the assembled size"),
    Feature("s3.conditional-writes", "If-None-Match, If-Match", "412, 409 and NoSuchUpload on put and Complete"),
    Feature("s3.signatures", "Signatures verified", "SigV4 of every request, with the keys that the account issued"),
    Feature("s3.disk-backed", "Survives its process", "objects and open uploads are found again at the same root"),
    Feature("s3.any-size", "Flat memory at any object size", "bytes stream through; measured up to 5 GB"),
    Feature("s3.conformance", "Agrees with another server", "one suite over ours and `rclone serve s3`"),
    Feature("template.every-property", "Every property accounted for", "applied, recorded, or an error"),
    Feature("template.read-back", "What was applied is read back", "each resource compared with the template"),
    Feature("template.intrinsics", "References and functions", "resolved in dependency order, anything else refused"),
    Feature("template.not-emulated", "What has no effect is listed", "printed by type and reason after each run"),
    Feature("states.gate", "Verified features only", "the resolved definition is refused before anything runs"),
    Feature("states.paths", "Paths and payload templates", "reference paths; a missing one is `States.Runtime`"),
    Feature("states.context", "Context object", "`$$`: execution, state with RetryCount, machine, Map item"),
    Feature("states.choice", "Pass, Choice, Succeed, Fail", "interpreted, paths of Fail included"),
    Feature("states.task", "Task: `lambda:invoke`", "the function host, TimeoutSeconds, the result's shape"),
    Feature("states.retry", "Retry", "interval, rate, maximum, full jitter, attempts of each retrier, in real time"),
    Feature("states.retry-scale", "Retry waits scaled down", "for tests only, listed as not emulated, both waits kept"),
    Feature("states.catch", "Catch", "by literal name, ResultPath; `States.Timeout` is no `States.TaskFailed`"),
    Feature("states.terminal-errors", "Errors past every Catch", "`States.Runtime` and `States.DataLimitExceeded`"),
    Feature("states.inline-map", "Inline Map", "threads in one execution, 40 at most, first failure stops the rest"),
    Feature("states.distributed-map", "Distributed Map", "children are executions of their own"),
    Feature("states.tolerance", "Failure tolerance", "count and percentage, literal and by path"),
    Feature("states.item-reader", "ItemReader", "a JSON array from S3, errors by name"),
    Feature("states.result-writer", "ResultWriter", "manifest and SUCCEEDED, FAILED, PENDING files in S3"),
    Feature("states.data-limit", "256 KiB of state", "input, result and output in bytes, before ResultPath drops any"),
    Feature("states.history", "Event history", "AWS's events in AWS's order, for parents and children"),
    Feature("states.history-limit", "25,000 events", "the execution fails there, parent or child"),
    Feature("states.executions", "Names, inputs, stopping", "AWS's rules; stopping ends the children too"),
    Feature("dynamodb.one-at-a-time", "One action at a time", "a lock around every action; moto has none"),
    Feature("dynamodb.no-lost-updates", "Concurrent updates", "none is lost, as actions wait for each other"),
    Feature("dynamodb.atomic-updates", "A refused update changes nothing", "what moto did before it refused is undone"),
    Feature("dynamodb.transactions", "Transactions are atomic", "a cancelled one leaves nothing of itself"),
    Feature("dynamodb.client-tokens", "ClientRequestToken", "a repeated transaction is carried out once"),
    Feature("dynamodb.batch-limits", "Sizes of batches", "25 writes, 100 reads; more is refused"),
    Feature("dynamodb.key-types", "Types of keys", "a wrong type or an empty value is refused"),
    Feature("dynamodb.index-key-types", "Types of index keys", "checked at every write"),
    Feature("dynamodb.expressions-checked", "Expressions are checked", "unused names and values are refused"),
    Feature("account.secrets-topics", "Secrets and messages", "moto; messages are collected into `--out`"),
    Feature("account.calls-recorded", "Every call recorded", "service, operation, resource by caller; never a secret"),
    Feature("account.unknown-keys", "Unknown access keys refused", "only keys that the account issued are served"),
    Feature("scheduler.fire", "A schedule fired by hand", "`--scheduled` starts the target with its own input"),
    Feature("scheduler.retries", "Retries of a target", "by the schedule's retry policy, under one name"),
    Feature("scheduler.dead-letters", "Dead letters", "what cannot be started goes to the queue"),
    Feature("events.secrets", "`Secret Label Updated`", "Secrets Manager's own event, for each label that has moved"),
    Feature("events.patterns", "Event patterns", "exact values and prefixes; other operators are refused"),
    Feature("events.rules", "Rules fired by hand", "input or event to the target, dead letters by the queue's policy"),
    Feature("state.continued", "An interrupted run is continued", "the next invocation goes on, even after SIGKILL"),
    Feature("state.items", "Rows are kept", "in SQLite before a write is answered"),
    Feature("state.secrets", "Secrets are kept", "with their versions"),
    Feature("state.executions", "Executions are kept", "those that ran when the process died are ABORTED"),
    Feature("state.keys", "The KMS key stays the same", "its id is made from stack and logical id"),
    Feature("state.shape", "Settings may change", "a redeploy; another stack is refused"),
    Feature("state.format", "Another format is refused", "in one line"),
    Feature("state.folder", "One user of a folder", "new, empty or ours; locked"),
    Feature("state.files", "Archived objects are plain files", "links in `bucket/`, named by their keys, not writable"),
    Feature("state.compared", "Nothing is compared twice", "while name, size and time of the file stay"),
    Feature("state.private", "Nobody else reads it", "owner's access only: it holds cookies"),
    Feature("traces.collected", "Segments collected", "over UDP, as the daemon does; drops are counted"),
    Feature("traces.platform", "Segments of the platform", "Step Functions and Lambda lead to the function's own"),
    Feature("permissions.granted", "Every call matched with its role", "after the run; one without a grant is named"),
    Feature("permissions.conditions", "Conditions", "the operators in use as IAM documents them"),
    Feature("permissions.resource-policies", "Policies of resources", "a bucket's Deny wins over any grant"),
    Feature(
        "permissions.service-roles", "What services do with roles", "Lambda, Step Functions, Scheduler, EventBridge"
    ),
    Feature("permissions.unused", "Unused grants listed", "by action and resource pattern of each statement"),
    Feature("faults.file", "`--faults FILE`", "schedules in TOML; a mistake is one line with number and key"),
    Feature("faults.seed", "`--seed N`", "random faults, the same for the same calls"),
    Feature("faults.record", "What was done is told", "number, fault, call; and what never happened"),
    Feature("faults.callers", "Which function calls", "from the connection's socket to its process"),
    Feature("faults.s3", "S3 disturbed", "in S3's own words and at its socket"),
    Feature("faults.gopro", "GoPro disturbed", "API and CDN, by operation and path"),
    Feature("faults.ids", "GoPro's faults by their ids", '`fault = "F24"`: habits and accidents of API and CDN'),
    Feature("faults.api", "Other services disturbed", "refusals in each service's own shape, cut and lost answers"),
    Feature("faults.status", "Status instead of the answer", "before or after the work"),
    Feature("faults.wrong-headers", "Wrong headers", "set, replaced, removed"),
    Feature("faults.reset", "Reset", "after exactly so many bytes"),
    Feature("faults.truncation", "Truncation", "a clean end too early"),
    Feature("faults.stall", "Stall", "silence in the middle, ended by closing"),
    Feature("faults.delay", "Delay", "before the first byte"),
    Feature("faults.slow", "Slowness", "a paced body in small blocks"),
    Feature("faults.upload-reset", "Reset of an upload", "after exactly so many bytes of its body"),
    Feature("faults.duplicate", "A duplicated call", "carried out twice, answered once"),
    Feature("faults.lost-answer", "A lost answer", "carried out, never answered"),
    Feature("faults.kill", "A function killed at its k-th request", "SIGKILL before or after the answer"),
    Feature("faults.invocation", "Faults of invocations", "by function and number, from the same file"),
    Feature("faults.functions", "Forced timeout, out of memory, exit, throttle", "reported in Lambda's own words"),
    Feature("gopro.api", "GoPro's API", "search, media, downloads, tokens, as observed"),
    Feature("gopro.cdn", "GoPro's CDN", "signed, expiring URLs; ranges and validators"),
    Feature("gopro.described", "A library in a TOML file", "any shape, 100,000 made media, no files on disk"),
    Feature("gopro.clients", "Other people's clients", "their requests, one by one: gopro-plus, the earlier system"),
    Feature("gopro.library", "Any folder as a library", "`--library`: files, chapters, bursts, RAW"),
    Feature("guards.moto", "moto pinned", "another version is refused"),
    Feature("guards.repairs", "Repairs guarded", "each has a test that fails when it is no longer needed"),
)
"""Everything that is emulated; ids are what ``@pytest.mark.verifies`` names."""

NOT_EMULATED: tuple[tuple[str, str, str], ...] = (
    ("Step Functions", "EXPRESS, redrive, DescribeMapRun, JSONata, intrinsic functions", "refused by name"),
    ("Step Functions", "children at work together", "64 at most; AWS starts up to 10,000"),
    ("Step Functions", "result files of more than 5 GB", "each status has one file, numbered 0"),
    ("Step Functions", "TaskStateAborted when an execution is stopped", "its last event is ExecutionAborted alone"),
    ("DynamoDB", "eventual consistency", "reads without ConsistentRead and of indexes see every write at once"),
    ("DynamoDB", "4 MB of a transaction, 38 digits, 32 levels, duplicates in a set", "taken"),
    ("S3", "encryption of the bytes", "headers and use of the key are S3's, what is on disk is plain"),
    ("S3", "deleting", "refused: the pipeline must never do it"),
    ("Step Functions", "results in parts, read back", "each file of a ResultWriter is one PutObject"),
    (
        "IAM",
        "under which ARN a Map watches its children",
        "a grant on the machine's executions or on its Map's will do",
    ),
    ("IAM", "denials at the moment of a call", "calls are matched with the roles after the run"),
    ("EventBridge", "a label that moves twice", "one event if both happened since the rules were fired last"),
    ("DynamoDB", "throttling by itself, item expiry", "throttles are injected with --faults"),
)
"""Area, what, and what is the case instead; the template's registry and the function host say their own beside it."""
