# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmark; see scripts/bench."""

import argparse
import datetime
import json
import subprocess
import sys
import time
from pathlib import Path

import measurements
import report
from processes import check_alive, fail, install_cleanup, machine, say, scratch
from upstreams import Daemon, Upstreams

ROOT = Path(__file__).resolve().parents[2]
PARTS = ["floors", "one", "throughput", "makespan", "bulk", "interactive", "cancel", "idle"]
TOOLS = {
    "fanload": ["fanload", "client", "batches", "bulk", "hang", "http", "wakeup"],
    "upstream": ["upstream"],
    "fakefanoutd": ["fakefanoutd"],
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--quick", action="store_true", help="few items, one round")
    parser.add_argument("--json", metavar="FILE", help="write all numbers to FILE; - = standard output, no Markdown")
    parser.add_argument("--daemon", metavar="PATH", type=Path, help="this executable in place of a release build")
    parser.add_argument("--only", metavar="PARTS", default=",".join(PARTS), help="some of " + ", ".join(PARTS))
    parser.add_argument("--micro", action="store_true", help="the micro benchmarks too")
    arguments = parser.parse_args()
    arguments.only = arguments.only.split(",")
    for part in arguments.only:
        if part not in PARTS:
            fail(f"unknown part {part}: {', '.join(PARTS)}")
    return arguments


def compile_tools(directory: Path) -> None:
    sources = ROOT / "Benchmarks" / "load"
    for tool, files in TOOLS.items():
        command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-pthread", "-o", directory / tool]
        subprocess.run(command + [sources / f"{name}.c" for name in files], check=True)


def build(product: str, package: Path) -> Path:
    """A release build; its path."""
    say(f"building {product} for release")
    command = ["swift", "build", "--configuration", "release", "--package-path", package, "--product", product]
    if subprocess.run(command, stdout=sys.stderr).returncode:
        fail(f"{product} doesn't build")
    where = subprocess.run(command + ["--show-bin-path"], check=True, capture_output=True, text=True).stdout.strip()
    return Path(where) / product


def micro() -> list[dict]:
    executable = build("fanout-benchmarks", ROOT / "Benchmarks")
    output = subprocess.run([executable, "--json"], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def commit() -> str:
    git = ["git", "-C", str(ROOT)]
    name = subprocess.run(git + ["rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run(git + ["status", "--porcelain"], capture_output=True, text=True).stdout.strip()
    return name + (" with changes" if changed else "")


def main() -> None:
    arguments = parse()
    install_cleanup()
    directory = scratch()
    compile_tools(directory)
    executable = arguments.daemon.resolve() if arguments.daemon else build("fanoutd", ROOT)
    result = {
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "command": "scripts/bench " + " ".join(sys.argv[1:]),
        "quick": arguments.quick,
        "machine": machine(),
    }
    if result["machine"]["load_before"] > 0.5:
        say(f"the machine is busy (load {result['machine']['load_before']:.2f}): the numbers will be worse than they are")
    began = time.monotonic()
    upstreams = Upstreams(directory, directory)
    result["completion_bytes"] = upstreams.completion_bytes
    session = measurements.Session(directory, upstreams, executable, arguments.quick)
    if "idle" in arguments.only:
        say("idle daemon")
        result["idle"] = session.idle()
    session.daemon = Daemon(executable, upstreams)
    for part in PARTS[:-1]:
        if part in arguments.only:
            say(part)
            result[part] = getattr(session, part)()
            check_alive(session.daemon.process)
    session.daemon.stop()
    result["seconds"] = round(time.monotonic() - began, 1)
    if arguments.micro:
        result["micro"] = micro()
    if arguments.json:
        text = json.dumps(result, indent=1)
        if arguments.json == "-":
            print(text)
        else:
            Path(arguments.json).write_text(text + "\n")
    if arguments.json != "-":
        print(report.markdown(result))
    if report.failures(result):
        fail("some items failed: the numbers don't count")


main()
