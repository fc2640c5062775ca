"""X-Ray on this machine: segments are collected over UDP and shown as a tree for each run."""
