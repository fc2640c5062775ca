"""The source where nginx is installed: the machine's own nginx with a configuration of the stage's."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from benchmarks import ROOT, process_tree
from benchmarks.stage.certificates import CIPHER_SUITE, Certificates
from benchmarks.stage.processes import StageFailed

_STARTS_WITHIN_S = 10.0
_ENDS_WITHIN_S = 10.0
_MOST_WORKERS = 4
_CONFIGURATION = """\
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
worker_processes {workers};
{user}
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  sendfile on;
  tcp_nodelay on;
  keepalive_timeout 300s;
  keepalive_requests 100000;
  {limit}
  server {{
    listen 127.0.0.1:{port}{ssl};
    {tls}
    root {root};
    default_type application/octet-stream;
  }}
}}
"""
_TLS = """ssl_certificate {server};
    ssl_certificate_key {server};
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites {suite};"""


def find_nginx() -> str | None:
    """Where nginx is; Debian's is in /usr/sbin, which is not on every user's PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def version_of(program: str) -> str:
    """``nginx 1.22.1``."""
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
    return f"nginx {said.strip().rpartition('/')[2]}"


class Nginx:
    """A running nginx that serves the files of ``root``; ``StageFailed``, with its own words, if it will not start."""

    def __init__(
        self,
        program: str,
        folder: Path,
        root: Path,
        certificates: Certificates | None,
        bytes_per_second: int | None,
    ) -> None:
        self._log = folder / "nginx.log"
        # Bound here and inherited by nginx, as it does it when it replaces itself: nobody else can take the port.
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener, self._log.open("wb") as log:
            # nginx does not do this to what it inherits: the worker that loses the race for a connection would wait
            # in accept, and all that it serves with it.
            listener.setblocking(False)
            self.port: int = listener.getsockname()[1]
            configuration = folder / "nginx.conf"
            configuration.write_text(_configuration(folder, root, certificates, bytes_per_second, self.port))
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "benchmarks.stage.tied", program),
                    *("-p", str(folder), "-c", str(configuration)),
                ],
                env={**os.environ, "NGINX": f"{listener.fileno()};"},
                pass_fds=[listener.fileno()],
                cwd=ROOT,
                stderr=log,
                start_new_session=True,
            )
        self._await()

    def cpu_seconds(self) -> float:
        """What the master and its workers have used so far."""
        return process_tree.cpu_seconds(self._process.pid)

    def close(self) -> None:
        """End it, and wait until it has ended."""
        self._process.terminate()
        try:
            self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _await(self) -> None:
        """The port listens already, so a first answer, of whatever kind, is the sign that somebody accepts."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=_STARTS_WITHIN_S) as probe:
                probe.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
                answered = bool(probe.recv(1))
        except OSError:
            answered = False
        if not answered:
            self.close()
            raise StageFailed(f"nginx does not serve: {self._log.read_text(errors='replace').strip()}")


def _configuration(
    folder: Path, root: Path, certificates: Certificates | None, bytes_per_second: int | None, port: int
) -> str:
    tls = _TLS.format(server=certificates.server, suite=CIPHER_SUITE) if certificates else ""
    return _CONFIGURATION.format(
        folder=folder,
        root=root,
        port=port,
        ssl=" ssl" if certificates else "",
        tls=tls,
        workers=min(_MOST_WORKERS, os.cpu_count() or 1),
        # As root its workers would become nobody, who may not enter the folder.
        user=f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else "",
        # Without a unit it is bytes per second: k and m are of 1024.
        limit=f"limit_rate {bytes_per_second};" if bytes_per_second else "",
    )
