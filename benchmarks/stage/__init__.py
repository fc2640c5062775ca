"""Where the benchmark plays: a source of files, a sink that speaks S3, and contents that are known beforehand."""

from benchmarks.stage.processes import StageFailed
from benchmarks.stage.stage import Served, Stage, Stored

__all__ = ["Served", "Stage", "StageFailed", "Stored"]
