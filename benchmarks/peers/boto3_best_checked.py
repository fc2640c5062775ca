"""boto3's ``upload_fileobj`` at its best settings with the checksum on that ours has: CRC64NVME, behind each part."""

from __future__ import annotations

from benchmarks.peers import Job
from benchmarks.peers.boto3_best import copy

if __name__ == "__main__":
    copy(Job.from_command_line(), {"ChecksumAlgorithm": "CRC64NVME"})
