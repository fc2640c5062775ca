"""A certificate authority of the stage's own, and the certificate both its servers show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

_NAMES = ("127.0.0.1", "localhost", "::1")
_OPENSSL_CONFIGURATION = """\
openssl_conf = stage
[stage]
ssl_conf = servers
[servers]
system_default = every_context
[every_context]
Ciphersuites = {suite}
"""
CIPHER_SUITE = "TLS_AES_128_GCM_SHA256"
"""What S3 and CloudFront settle on with TLS 1.3; left alone, OpenSSL's servers take a dearer one."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: ``authority`` for clients, ``server`` (chain and private key) for servers.

    ``openssl`` is a configuration for a server's ``OPENSSL_CONF`` that leaves ``CIPHER_SUITE`` alone to choose from:
    ``ssl`` cannot say so for TLS 1.3 before Python 3.15.
    """

    authority: Path
    server: Path
    openssl: Path


def write_certificates(folder: Path) -> Certificates:
    """Make an authority and a certificate for this machine's own addresses, and write them into ``folder``."""
    made = Certificates(folder / "authority.pem", folder / "server.pem", folder / "openssl.cnf")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(made.authority))
    made.server.touch(mode=0o600)
    authority.issue_cert(*_NAMES).private_key_and_cert_chain_pem.write_to_path(str(made.server))
    made.openssl.write_text(_OPENSSL_CONFIGURATION.format(suite=CIPHER_SUITE))
    return made
