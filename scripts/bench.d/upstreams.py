# Fanout
# SPDX-License-Identifier: Apache-2.0
"""nginx as an instant upstream and as a proxy before it, and the configuration of the daemon."""

import shutil
import subprocess
import time
from pathlib import Path

from processes import check_alive, children, fail, free_port, hello, start, stop, wait_until

_BASE = """
daemon off;
worker_processes 1;
pid {directory}/{name}.pid;
error_log {directory}/{name}.log warn;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    default_type application/json;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    client_body_buffer_size 64k;
    client_body_temp_path {directory}/{name}-body;
    proxy_temp_path {directory}/{name}-proxy;
    fastcgi_temp_path {directory}/{name}-fastcgi;
    uwsgi_temp_path {directory}/{name}-uwsgi;
    scgi_temp_path {directory}/{name}-scgi;
{servers}
}}
"""

_UPSTREAM = """
    server {{
        listen 127.0.0.1:{plain} backlog=4096;
        location / {{ return 200 '{body}'; }}
    }}
    server {{
        listen 127.0.0.1:{tls} ssl backlog=4096;
        ssl_certificate {directory}/cert.pem;
        ssl_certificate_key {directory}/key.pem;
        location / {{ return 200 '{body}'; }}
    }}
"""

_PROXY = """
    upstream plain {{ server 127.0.0.1:{plain}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 3600s; }}
    upstream tls {{ server 127.0.0.1:{tls}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 3600s; }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    server {{
        listen unix:{directory}/proxy.sock backlog=4096;
        location / {{ proxy_pass http://plain; }}
    }}
    server {{
        listen unix:{directory}/proxy-tls.sock backlog=4096;
        location / {{
            proxy_pass https://tls;
            proxy_ssl_trusted_certificate {directory}/cert.pem;
            proxy_ssl_verify on;
            proxy_ssl_name localhost;
        }}
    }}
"""

# What the daemon is given. Each group has one deployment. 64 requests at a time fill the instant upstream on two cores;
# a deeper queue inside the upstream would only add its own waiting.
_DAEMON = """
model_list:
  - model_name: plain
    litellm_params:
      model: openai/bench
      api_base: http://127.0.0.1:{plain}/v1
      api_key: none
      max_parallel_requests: 64
  - model_name: tls
    litellm_params:
      model: openai/bench
      api_base: https://127.0.0.1:{tls}/v1
      api_key: none
      max_parallel_requests: 64
  - model_name: delayed
    litellm_params:
      model: openai/bench
      api_base: http://127.0.0.1:{delayed}/v1
      api_key: none
  - model_name: hang
    litellm_params:
      model: openai/bench
      api_base: http://127.0.0.1:{hang}/v1
      api_key: none
fanout:
  ca_file: {directory}/cert.pem
"""


def _nginx(name: str, servers: str, directory: Path):
    path = directory / f"{name}.conf"
    path.write_text(_BASE.format(name=name, directory=directory, servers=servers))
    executable = shutil.which("nginx") or "/usr/sbin/nginx"
    process = start([executable, "-p", directory, "-c", path], directory / f"{name}.out")
    pid_file = directory / f"{name}.pid"
    wait_until(lambda: check_alive(process) or (pid_file.exists() and len(children(process.pid)) > 1), f"nginx {name}")
    return process


class Upstreams:
    """All of them, running."""

    def __init__(self, directory: Path, tools: Path):
        self.directory = directory
        body = subprocess.run([tools / "fanload", "completion"], capture_output=True, text=True, check=True).stdout
        self.completion_bytes = len(body)
        # In nginx's quotes a backslash is one only when doubled, and `$` starts a variable.
        quoted = body.replace("\\", "\\\\").replace("'", "\\'")
        if "$" in quoted:
            fail("the completion must not have a `$`")
        self._make_certificate()
        self.ports = {"plain": free_port(), "tls": free_port(), "directory": directory}
        self.nginx = _nginx("upstream", _UPSTREAM.format(body=quoted, **self.ports), directory)
        self.proxy = _nginx("proxy", _PROXY.format(**self.ports), directory)
        self.diary = directory / "diary"
        self.exact = start(
            [tools / "upstream", "--diary", self.diary, "delay:50", "hang"],
            directory / "exact.log",
            stdout=subprocess.PIPE,
        )
        ports = self.exact.stdout.readline().split()
        self.ports |= {"delayed": int(ports[0]), "hang": int(ports[1])}

    def _make_certificate(self) -> None:
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        subprocess.run(
            command.split()
            + ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
            + ["-keyout", self.directory / "key.pem", "-out", self.directory / "cert.pem"],
            check=True,
            capture_output=True,
        )

    def write_configuration(self) -> Path:
        path = self.directory / "config.yaml"
        path.write_text(_DAEMON.format(**self.ports))
        return path

    def watches(self) -> dict[str, list[int]]:
        return {"upstream": children(self.nginx.pid), "proxy": children(self.proxy.pid)}


class Daemon:
    """A running daemon. `start_seconds` is from its start to its Welcome."""

    def __init__(self, executable: Path, upstreams: Upstreams):
        self.socket = str(upstreams.directory / "fanout.sock")
        configuration = upstreams.write_configuration()
        began = time.monotonic()
        self.process = start(
            [executable, "--config", configuration, "--socket", self.socket], upstreams.directory / "fanoutd.log"
        )
        while not hello(self.socket):
            check_alive(self.process)
            if time.monotonic() - began > 10:
                fail("the daemon doesn't listen after 10 s")
            time.sleep(0.0005)
        self.start_seconds = time.monotonic() - began

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        stop(self.process, 10)
