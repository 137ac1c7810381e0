"""Runs the mutants of router.txt; see scripts/mutants."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

SWITCH = """internal import Glibc

/// Which bug is planted; 0 = none.
private let plantedBug = getenv("FANOUT_MUTANT").flatMap { Int(String(cString: $0)) } ?? 0

@inline(__always)
func isPlanted(_ number: Int) -> Bool { plantedBug == number }
"""

OPEN, CLOSE = "«", "»"


class Mutant:
    """One bug: a place, marked by « and » in its context, and what stands there instead."""

    def __init__(self, number: int, block: str):
        lines = block.split("\n")
        self.number = number
        self.name = lines[0].strip()
        self.file = next(line[6:].strip() for line in lines if line.startswith("file: "))
        self.context = "\n".join(line[2:] for line in lines if line.startswith("- "))
        self.planted = "\n".join(line[2:] for line in lines if line.startswith("+ "))

    def span(self, text: str) -> tuple[int, int, str] | None:
        """Where its place is in the file and what takes it; None = the context isn't there just once."""
        before, rest = self.context.split(OPEN)
        old, after = rest.split(CLOSE)
        if text.count(before + old + after) != 1:
            return None
        start = text.index(before + old + after) + len(before)
        return start, start + len(old), f"(isPlanted({self.number}) ? ({self.planted}) : ({old}))"


def read_mutants(path: pathlib.Path) -> list[Mutant]:
    blocks = re.split(r"^== ", path.read_text(), flags=re.M)[1:]
    return [Mutant(number, block) for number, block in enumerate(blocks, 1)]


def plant(mutants: list[Mutant], work: pathlib.Path) -> list[str]:
    """Puts all of them into the copy; returns the names of those whose context has changed."""
    stale = []
    for file in sorted({mutant.file for mutant in mutants}):
        path = work / file
        text = path.read_text()
        spans = []
        for mutant in mutants:
            if mutant.file == file:
                span = mutant.span(text)
                if span:
                    spans.append(span)
                else:
                    stale.append(mutant.name)
        for start, end, new in sorted(spans, reverse=True):
            text = text[:start] + new + text[end:]
        path.write_text(text)
    (work / "Sources/FanoutRouter/Planted.swift").write_text(SWITCH)
    return stale


def run(command: list[str], number: int, limit: float) -> str:
    """Why the run fails, in a word; empty = it doesn't."""
    environment = dict(os.environ, FANOUT_MUTANT=str(number))
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True
    )
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return "never ends"
    misses = re.search(r"(\d+) numbers miss their bar", output)
    if misses and misses[1] != "0":
        return f"{misses[1]} numbers miss their bar"
    if process.returncode == 0:
        return ""
    fault = next((line for line in output.splitlines() if line.startswith("seed ")), "it traps")
    return re.sub(r", \d+ ns", "", fault)[:120]


def main() -> None:
    root = pathlib.Path(sys.argv[1])
    words = sys.argv[2:]
    mutants = read_mutants(root / "scripts/mutants.d/router.txt")
    with tempfile.TemporaryDirectory(prefix="fanout-mutants-") as place:
        work = pathlib.Path(os.environ.get("FANOUT_MUTANTS_DIR", place))
        for folder in ("FanoutModel", "FanoutRouter", "FanoutSimulation"):
            shutil.copytree(root / "Sources" / folder, work / "Sources" / folder, dirs_exist_ok=True)
        for folder in ("Simulate", "RoutingTable"):
            shutil.copytree(root / "Benchmarks/Sources" / folder, work / "Sources" / folder, dirs_exist_ok=True)
        shutil.copy(root / "scripts/mutants.d/Package.swift.txt", work / "Package.swift")
        stale = plant(mutants, work)
        for name in stale:
            print(f"STALE     {name}: its context isn't there just once", flush=True)
        build = ["swift", "build", "-c", "release", "--package-path", str(work)]
        if subprocess.run(build, stdout=sys.stderr).returncode:
            sys.exit("the copy doesn't build")
        binaries = subprocess.run(build + ["--show-bin-path"], check=True, capture_output=True, text=True).stdout.strip()
        runs = [[f"{binaries}/simulate", "--first-fault"], [f"{binaries}/routing-table", "--seeds", "1"]]
        began = time.monotonic()
        for command in runs:
            fault = run(command, 0, 3600)
            if fault:
                sys.exit(f"{command[0]} fails without a mutant: {fault}")
        # What takes three times as long as nothing planted will not end.
        limit = 60 + 3 * (time.monotonic() - began)
        chosen = [m for m in mutants if m.name not in stale and (not words or any(w in m.name for w in words))]
        survivors = []
        for mutant in chosen:
            began = time.monotonic()
            fault = next(filter(None, (run(command, mutant.number, limit) for command in runs)), "")
            if not fault:
                survivors.append(mutant.name)
            verdict = "killed   " if fault else "SURVIVED "
            print(f"{verdict} {mutant.name} ({time.monotonic() - began:.0f} s): {fault}", flush=True)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} killed")
    if stale or len(survivors) * 15 > len(chosen):
        sys.exit(1)


if __name__ == "__main__":
    main()
