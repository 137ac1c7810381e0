# Fanout
# SPDX-License-Identifier: Apache-2.0
"""The manual pages and completions of the package, as the programs themselves make them."""

import json
import re
import subprocess
import sys

import pytest

from conftest import BINARIES, ROOT


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("man")
    subprocess.run(
        [sys.executable, ROOT / "scripts" / "package.d" / "manuals.py", folder, "1.2.3", BINARIES / "fanout",
         BINARIES / "fanoutd"], check=True)
    return {path.name: path.read_text() for path in folder.glob("man?/*")}


def commands(program):
    """A program's command and its subcommands, from its own dump."""
    dump = subprocess.run([BINARIES / program, "--experimental-dump-help"], capture_output=True, check=True)
    command = json.loads(dump.stdout)["command"]
    return [command, *(sub for sub in command.get("subcommands", []) if sub["commandName"] != "help")]


@pytest.mark.parametrize("program, page", [("fanout", "fanout.1"), ("fanoutd", "fanoutd.8")])
def test_each_option_of_a_program_is_in_its_page(pages, program, page):
    text = pages[page].replace("\\-", "-")
    for command in commands(program):
        for argument in command["arguments"]:
            for name in argument.get("names", []):
                if name["name"] not in ("help", "version", "h"):
                    assert f"--{name['name']}" in text or f"-{name['name']}" in text, (command["commandName"], name)
    assert "Fanout 1.2.3" in text


def test_each_key_of_the_configuration_is_in_its_page(pages):
    text = pages["fanout.yaml.5"].replace("\\-", "-")
    keys = re.findall(r"^\| `([a-z_.]+)` \|", (ROOT / "docs" / "configuration.md").read_text(), re.M)
    assert len(keys) > 50 and not [key for key in keys if f"\\fB{key}\\fR" not in text]


def test_no_page_has_markdown_left_or_a_request_by_accident(pages):
    requests = {".TH", ".SH", ".SS", ".PP", ".TP", ".nf", ".fi"}
    for name, text in pages.items():
        for line in text.splitlines():
            assert not line.startswith(("|", "```", "#")), (name, line)
            assert not line.startswith((".", "'")) or line.split()[0] in requests, (name, line)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("program", ["fanout", "fanoutd"])
def test_each_shell_has_a_completion(program, shell):
    done = subprocess.run(
        [BINARIES / program, "--generate-completion-script", shell], capture_output=True, text=True, check=True)
    assert program in done.stdout and "--socket" in done.stdout or "-l 'socket'" in done.stdout or "-l socket" in done.stdout


@pytest.mark.parametrize("script", ["postinst", "prerm", "postrm"])
def test_the_maintainer_scripts_are_posix_shell(script):
    subprocess.run(["sh", "-n", ROOT / "packaging" / "debian" / script], check=True)
