"""What every test may rely on: no test reaches AWS or reads this machine's AWS configuration."""

from __future__ import annotations

import os

for name in [variable for variable in os.environ if variable.startswith(("AWS_", "GOPRO_"))]:
    del os.environ[name]
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
