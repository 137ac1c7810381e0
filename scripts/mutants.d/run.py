"""Runs the mutants of router.txt; see scripts/mutants."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

MANIFEST = """// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "mutants",
    dependencies: [.package(url: "https://github.com/apple/swift-collections", from: "1.6.0")],
    targets: [
        .target(name: "FanoutModel"),
        .target(
            name: "FanoutRouter",
            dependencies: ["FanoutModel", .product(name: "Collections", package: "swift-collections")]
        ),
        .target(name: "FanoutSimulation", dependencies: ["FanoutModel", "FanoutRouter"]),
        .testTarget(name: "FanoutRouterTests", dependencies: ["FanoutModel", "FanoutRouter", "FanoutSimulation"]),
    ]
)
for target in package.targets {
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("InferIsolatedConformances"),
        .enableUpcomingFeature("ImmutableWeakCaptures"),
    ]
}
"""


def read_mutants(path):
    mutants = []
    for block in re.split(r"^== ", path.read_text(), flags=re.M)[1:]:
        lines = block.split("\n")
        name = lines[0].strip()
        file = next(l[6:].strip() for l in lines if l.startswith("file: "))
        old = "\n".join(l[2:] for l in lines if l.startswith("- "))
        new = "\n".join(l[2:] for l in lines if l.startswith("+ ") or l == "+")
        mutants.append((name, file, old, new))
    return mutants


def run(command, cwd, limit):
    """Returns the exit status, or None when the time is over (a mutant may loop for ever)."""
    process = subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        output, _ = process.communicate(timeout=limit)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return None, ""


def main():
    root = pathlib.Path(sys.argv[1])
    words = sys.argv[2:]
    mutants = read_mutants(root / "scripts/mutants.d/router.txt")
    mutants = [m for m in mutants if not words or any(w in m[0] for w in words)]
    with tempfile.TemporaryDirectory(prefix="fanout-mutants-") as work:
        work = pathlib.Path(work)
        (work / "Package.swift").write_text(MANIFEST)
        for folder in ("Sources/FanoutModel", "Sources/FanoutRouter", "Sources/FanoutSimulation"):
            shutil.copytree(root / folder, work / folder)
        shutil.copytree(root / "Tests/FanoutRouterTests", work / "Tests/FanoutRouterTests")
        # What needs an event loop says nothing of the core, and its dependencies are slow to build.
        for test in (work / "Tests/FanoutRouterTests").rglob("*.swift"):
            if "import NIO" in test.read_text():
                test.unlink()
        build = ["swift", "build", "--build-tests", "-j", "2"]
        test = ["swift", "test", "--skip-build"]
        status, output = run(build, work, 1800)
        if status != 0:
            sys.exit("the copy doesn't build:\n" + output[-3000:])
        status, output = run(test, work, 600)
        if status != 0:
            sys.exit("the tests fail without a mutant:\n" + output[-3000:])
        survivors, unbuilt = [], []
        for name, file, old, new in mutants:
            path = work / file
            text = path.read_text()
            if text.count(old) != 1:
                unbuilt.append(name)
                print(f"STALE     {name}: its line is there {text.count(old)} times", flush=True)
                continue
            begin = time.monotonic()
            path.write_text(text.replace(old, new))
            status, output = run(build, work, 600)
            if status != 0:
                unbuilt.append(name)
                print(f"UNBUILT   {name}\n{output[-600:]}", flush=True)
            else:
                status, output = run(test, work, 180)
                verdict = "survived " if status == 0 else "killed   "
                if status == 0:
                    survivors.append(name)
                print(f"{verdict} {name} ({time.monotonic() - begin:.0f} s)", flush=True)
            path.write_text(text)
        total = len(mutants) - len(unbuilt)
        print(f"{total - len(survivors)} of {total} killed")
        if unbuilt or len(survivors) * 10 > total:
            sys.exit(1)


main()
