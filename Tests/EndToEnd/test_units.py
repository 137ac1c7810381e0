# Fanout
# SPDX-License-Identifier: Apache-2.0
"""The unit files: they parse, and their sandbox is as tight as docs/service.md says. Nothing is booted."""

import re
import shutil
import subprocess

import pytest

from conftest import ROOT

UNITS = ROOT / "systemd"
SCORE_MAX = 1.3

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed: scripts/setup --all")


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    """The units with programs that exist, since `verify` looks for them."""
    folder = tmp_path_factory.mktemp("units")
    for unit in ("fanoutd.service", "fanoutd.socket"):
        text = (UNITS / unit).read_text()
        (folder / unit).write_text(text.replace("ExecStart=/usr/bin/fanoutd", "ExecStart=/bin/true"))
    return folder


@needs_systemd
def test_the_units_verify_without_a_word(units):
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", units / "fanoutd.service", units / "fanoutd.socket"],
        capture_output=True, text=True, timeout=60)
    # Only what is said of these units: the machine's own may have faults.
    said = [line for line in (done.stdout + done.stderr).splitlines() if "fanout" in line]
    assert done.returncode == 0 and not said, said


@needs_systemd
def test_verify_would_find_a_mistake(units, tmp_path):
    for unit in ("fanoutd.service", "fanoutd.socket"):
        text = (units / unit).read_text()
        (tmp_path / unit).write_text(text.replace("ProtectSystem=strict", "ProtectSystem=strictly"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "fanoutd.service"], capture_output=True, text=True,
        timeout=60)
    assert "strictly" in done.stdout + done.stderr


@needs_systemd
def test_the_exposure_is_low_and_each_rest_of_it_has_its_reason(units, capsys):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={int(SCORE_MAX * 10)}",
         units / "fanoutd.service"],
        capture_output=True, text=True, timeout=60)
    score = float(re.search(r"exposure level for fanoutd.service: ([0-9.]+)", done.stdout)[1])
    with capsys.disabled():
        print(f"\nexposure of fanoutd.service: {score} (of its text; not booted)")
    assert done.returncode == 0 and score <= SCORE_MAX, done.stdout
    left = {line.split()[1].split("=")[0] for line in done.stdout.splitlines() if line.startswith("✗")}
    explained = (ROOT / "docs" / "service.md").read_text().split("## What the score still counts")[1].split("\n## ")[0]
    assert left == set(re.findall(r"^\| `(\w+)`", explained, re.M))


def directives(unit):
    """All assignments of a unit, in order."""
    text = (UNITS / unit).read_text()
    return [line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#")]


def test_clients_keep_their_uids():
    assert ["PrivateUsers", "no"] in directives("fanoutd.service")


def test_the_socket_is_for_its_group_alone_and_has_the_name_that_the_daemon_is_told():
    socket = dict(directives("fanoutd.socket"))
    assert (socket["SocketMode"], socket["SocketGroup"]) == ("0660", "fanout-clients")
    assert (socket["FileDescriptorName"], socket["Accept"]) == ("fanout", "no")
    assert "g fanout-clients -" in (UNITS / "fanout.sysusers").read_text()


def test_the_services_runtime_directory_isnt_the_sockets_which_a_stop_would_take_with_it():
    folder = dict(directives("fanoutd.service"))["RuntimeDirectory"]
    assert folder == "fanoutd"
    assert not dict(directives("fanoutd.socket"))["ListenStream"].startswith(f"/run/{folder}/")


def test_the_stop_timeout_is_above_the_drains_bound():
    seconds = int(re.search(r"`drain_seconds` \| (\d+)", (ROOT / "docs" / "configuration.md").read_text())[1])
    assert int(dict(directives("fanoutd.service"))["TimeoutStopSec"].rstrip("s")) > seconds + 10


def test_what_the_unit_runs_may_be_executed():
    unit = dict(directives("fanoutd.service"))
    allowed = unit["ExecPaths"].split()
    for key in ("ExecStart", "ExecReload"):
        assert unit[key].split()[0] in allowed


def test_each_claim_of_the_threat_model_names_a_test_that_exists():
    sources = "".join(
        path.read_text() for pattern in ("*.swift", "*.py") for path in (ROOT / "Tests").rglob(pattern))
    rows = [line for line in (ROOT / "docs" / "threat-model.md").read_text().splitlines() if line.startswith("| ")]
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[-2])]
    named = [name for name in named if " " in name or name.startswith("test_")]
    missing = [n for n in named if f"func `{n}`" not in sources and f"def {n}(" not in sources]
    assert len(named) > 25 and [n for n in missing if not n.startswith("scripts/")] == []
