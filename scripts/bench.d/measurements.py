# Fanout
# SPDX-License-Identifier: Apache-2.0
"""The parts of the benchmark. Each returns plain numbers; what is repeated is interleaved, and the medians are given."""

import json
import statistics
import subprocess
import time
from pathlib import Path

from processes import fail, resident_kib, say, start, stop, voluntary_switches
from upstreams import Daemon, Upstreams

# Items of a batch -> batches in flight on the one connection.
SHAPES = {1: 64, 64: 4, 1000: 2}
INTERACTIVE, BULK = 2, 4


def _median(runs: list[dict], pick) -> float:
    return statistics.median(pick(run) for run in runs)


def _threads(run: dict, name: str) -> list[dict]:
    return sorted(run["watched"][name]["threads"], key=lambda thread: -thread["cpu_us"])


def _per_item(run: dict) -> dict:
    """What one run says of the daemon, per item."""
    daemon, items = run["watched"]["daemon"], run["items"]
    first, *others = _threads(run, "daemon")
    return {
        "items_per_second": run["items_per_second"],
        "cpu_us": daemon["cpu_us"] / items,
        "p50_us": run["latency"]["p50_us"],
        "p99_us": run["latency"]["p99_us"],
        "first_us": run["first_of_batch"]["p50_us"],
        "switches": daemon["voluntary"] / items,
        "loop_switches": first["voluntary"] / items,
        "other_threads_switches": sum(thread["voluntary"] for thread in others) / items,
        "other_threads_cpu_us": sum(thread["cpu_us"] for thread in others) / items,
        "threads_that_ran": 1 + sum(thread["cpu_us"] > daemon["cpu_us"] / 100 for thread in others),
        "daemon_cores": daemon["cpu_us"] / 1e6 / run["seconds"],
        "client_cores": run["watched"]["client"]["cpu_us"] / 1e6 / run["seconds"],
        "upstream_cores": run["watched"]["upstream"]["cpu_us"] / 1e6 / run["seconds"],
        "failed": run["failed"],
    }


def _medians(rows: list[dict]) -> dict:
    medians = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    # A failure is no outlier to be smoothed away.
    medians["failed"] = sum(row["failed"] for row in rows)
    return medians


class Session:
    """One run of the benchmark."""

    def __init__(self, directory: Path, upstreams: Upstreams, executable: Path, quick: bool):
        self.directory, self.upstreams, self.executable, self.quick = directory, upstreams, executable, quick
        self.daemon: Daemon | None = None
        self.rounds = 1 if quick else 5

    def _load(self, mode: str, **options) -> dict:
        command = [str(self.directory / "fanload"), mode]
        watched = dict(self.upstreams.watches())
        if self.daemon:
            watched["daemon"] = [self.daemon.pid]
        for key, value in options.items():
            command += ["--" + key.replace("_", "-"), str(value)]
        for name, pids in watched.items():
            command += ["--watch", f"{name}={','.join(map(str, pids))}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.stderr:
            say(done.stderr.strip())
        if done.returncode:
            fail(f"{' '.join(command)} ended with status {done.returncode}")
        return json.loads(done.stdout)

    def _batches(self, **options) -> dict:
        return self._load("batches", socket=self.daemon.socket, **options)

    # ---- the parts

    def floors(self) -> dict:
        """The client's own ceiling, against a stand-in that answers at once, and the proxy's throughput."""
        fake_socket = str(self.directory / "fake.sock")
        fake = start([self.directory / "fakefanoutd", "--socket", fake_socket], self.directory / "fake.log")
        items = 50_000 if self.quick else 500_000
        result = {"client_ceiling": {}, "proxy": {}}
        for batch, in_flight in SHAPES.items():
            run = self._load("batches", socket=fake_socket, batch=batch, in_flight=in_flight, items=items)
            result["client_ceiling"][str(batch)] = run["items_per_second"]
        stop(fake)
        items = 5_000 if self.quick else 60_000
        for name, path in (("plain", "proxy.sock"), ("tls", "proxy-tls.sock")):
            runs = [
                self._load("http", socket=self.directory / path, width=64, items=items, warmup=2_000)
                for _ in range(self.rounds)
            ]
            result["proxy"][name] = {
                "items_per_second": _median(runs, lambda run: run["items_per_second"]),
                "cpu_us": _median(runs, lambda run: run["watched"]["proxy"]["cpu_us"] / run["items"]),
            }
        return result

    def one(self) -> dict:
        """One item at a time: the daemon beside the upstream itself, nginx before it, and one wake-up."""
        items, warmup = (500, 100) if self.quick else (4_000, 500)
        runs = {name: [] for name in ("wakeup", "direct", "proxy", "daemon", "proxy_tls", "daemon_tls")}
        for _ in range(self.rounds):
            common = {"items": items, "warmup": warmup}
            runs["wakeup"].append(self._load("wakeup", items=items))
            runs["direct"].append(self._load("http", port=self.upstreams.ports["plain"], **common))
            runs["proxy"].append(self._load("http", socket=self.directory / "proxy.sock", **common))
            runs["daemon"].append(self._batches(model="plain", **common))
            runs["proxy_tls"].append(self._load("http", socket=self.directory / "proxy-tls.sock", **common))
            runs["daemon_tls"].append(self._batches(model="tls", **common))
        result = {}
        for name, rows in runs.items():
            result[name] = {
                "p50_us": _median(rows, lambda run: run["latency"]["p50_us"]),
                "p99_us": _median(rows, lambda run: run["latency"]["p99_us"]),
            }
        for name in ("daemon", "daemon_tls"):
            result[name] |= {"per_item": _medians([_per_item(run) for run in runs[name]])}
        return result

    def throughput(self) -> dict:
        """Batches of 1, 64 and 1,000, plain and over TLS."""
        items = 6_000 if self.quick else 60_000
        rows = {}
        for _ in range(self.rounds):
            for model in ("plain", "tls"):
                for batch, in_flight in SHAPES.items():
                    run = self._batches(model=model, batch=batch, in_flight=in_flight, items=items, warmup=4_000)
                    rows.setdefault(model, {}).setdefault(str(batch), []).append(_per_item(run))
        return {model: {batch: _medians(runs) for batch, runs in shapes.items()} for model, shapes in rows.items()}

    def makespan(self) -> dict:
        """10,000 items, 64 wide, upstream of 50 ms: against a bare loop of the same width."""
        items = 640 if self.quick else 10_000
        runs = {"bare": [], "daemon": []}
        for _ in range(1 if self.quick else 2):
            runs["bare"].append(self._load("http", port=self.upstreams.ports["delayed"], width=64, items=items))
            runs["daemon"].append(
                self._load("bulk", socket=self.daemon.socket, model="delayed", width=64, items=items)
            )
        result = {
            name: {
                "seconds": _median(rows, lambda run: run["seconds"]),
                "first_result_ms": _median(rows, lambda run: run["first_result_us"] / 1000),
            }
            for name, rows in runs.items()
        }
        result["failed"] = sum(run["failed"] for run in runs["daemon"])
        return {"items": items} | result

    def bulk(self) -> dict:
        """One open batch of 200,000 items, its reader at full and at half speed; a fresh daemon for each."""
        items = 10_000 if self.quick else 200_000
        result, rate = {"items": items}, 0
        for speed in ("full", "half"):
            self.daemon.stop()
            self.daemon = Daemon(self.executable, self.upstreams)
            options = {"read_rate": rate} if rate else {}
            run = self._load(
                "bulk", socket=self.daemon.socket, model="plain", items=items, rss_pid=self.daemon.pid, **options
            )
            rate = int(run["items_per_second"] / 2)
            result[speed] = {
                "items_per_second": run["items_per_second"],
                "resident_mib_tenths": [round(kib / 1024, 1) for kib in run["resident_kib"]["tenths"]],
                "resident_mib_max": round(run["resident_kib"]["max"] / 1024, 1),
                "failed": run["failed"],
            }
        return result

    def interactive(self) -> dict:
        """Single items, one every 5 ms, alone and beside the open batch on the same connection."""
        items = 20_000 if self.quick else 200_000
        runs = [
            self._load(
                "bulk", socket=self.daemon.socket, model="plain", items=items, interactive_us=5_000,
                alone=100 if self.quick else 1_000, **{"class": BULK, "interactive_class": INTERACTIVE},
            )
            for _ in range(1 if self.quick else 3)
        ]
        result = {
            phase: {key: _median(runs, lambda run: run[phase][key]) for key in ("count", "p50_us", "p99_us", "max_us")}
            for phase in ("alone", "beside")
        }
        result["items_per_second"] = _median(runs, lambda run: run["items_per_second"])
        for key in ("singles_lost", "failed"):
            result[key] = sum(run[key] for run in runs)
        return result

    def cancel(self) -> dict:
        """Cancel of an item and loss of the client, beside full load, until the upstream sees its connection closed."""
        items = 30 if self.quick else 400
        result = {}
        load = [
            str(self.directory / "fanload"), "batches", "--socket", self.daemon.socket, "--model", "plain",
            "--batch", "64", "--in-flight", "4", "--items", "30000000",
        ]
        background = start(load, self.directory / "background.log")
        time.sleep(0.5)
        for how in ("cancel", "close"):
            run = self._load(
                "hang", socket=self.daemon.socket, model="hang", items=items, how=how, diary=self.upstreams.diary
            )
            result[how] = run["latency"] | {"never_seen": run["never_seen"], "never_closed": run["never_closed"]}
        if background.poll() is not None:
            fail(f"the load beside the cancels ended: {background.log.read_text()[-500:]}")
        stop(background)
        return result

    def idle(self) -> dict:
        """A daemon that nobody has used: start, memory, wake-ups."""
        seconds = 3 if self.quick else 10
        starts = []
        for number in range(2 if self.quick else 7):
            daemon = Daemon(self.executable, self.upstreams)
            starts.append(daemon.start_seconds * 1000)
            if number < (1 if self.quick else 6):
                daemon.stop()
        time.sleep(1)
        before = voluntary_switches(daemon.pid)
        time.sleep(seconds)
        # A thread that ended took its count with it.
        switches = max(0, voluntary_switches(daemon.pid) - before)
        resident = resident_kib(daemon.pid) / 1024
        daemon.stop()
        return {
            "start_ms": statistics.median(starts),
            "start_ms_max": max(starts),
            "resident_mib": resident,
            "switches_per_second": switches / seconds,
        }
