# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Writes the manual pages: of what the programs say of themselves, and of the documentation.

    manuals.py FOLDER VERSION FANOUT FANOUTD

The options come from each program's own dump, fanout.yaml(5) from docs/configuration.md; so no page can say other
than they do.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def inline(text):
    """Code in bold, strong words in bold, links as their text."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    parts = re.split(r"(`[^`]+`|\*\*[^*]+\*\*)", text)
    made = ""
    for part in parts:
        if part[:1] == "`" or part[:2] == "**":
            made += f"\\fB{escape(part.strip('`*'))}\\fR"
        else:
            made += escape(part)
    # A line that begins with a dot or a quote would be taken for a request.
    return re.sub(r"^([.'])", r"\\&\1", made)


def cells(line):
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def table(rows):
    """A row is an entry: its first cell the term, the others what it is."""
    head, lines = rows[0], []
    for row in rows[2:]:
        lines += [".TP", inline(row[0]) or "\\ "]
        said = [f"{title}: {cell}" if title and len(head) > 2 and n == 0 else cell
                for n, (title, cell) in enumerate(zip(head[1:], row[1:])) if cell]
        lines.append(inline("; ".join(said)) or "\\ ")
    return lines + [".PP"]


def paragraphs(text):
    """Markdown's blocks, as lists of lines; a fenced block is one."""
    block, fenced = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            if not fenced and block:
                yield block
                block = []
            fenced = not fenced
            block.append(line)
            if not fenced:
                yield block
                block = []
        elif not fenced and (not line.strip() or line.startswith("#") or (line.startswith("- ") and block)):
            if block:
                yield block
            block = [line] if line.strip() else []
        else:
            block.append(line)
    if block:
        yield block


def roff(markdown):
    lines = []
    for block in paragraphs(markdown):
        first = block[0]
        if first.startswith("```"):
            lines += [".PP", ".nf", *(escape(line) or "\\ " for line in block[1:-1]), ".fi"]
        elif first.startswith("    "):
            lines += [".PP", ".nf", *(escape(line[4:]) for line in block), ".fi"]
        elif match := re.match(r"(#+) (.*)", first):
            lines.append(f".{'SH' if len(match[1]) <= 2 else 'SS'} \"{escape(match[2].strip('`')).upper()}\""
                         if len(match[1]) <= 2 else f".SS \"{escape(match[2]).replace('`', '')}\"")
        elif first.startswith("|"):
            lines += table([cells(line) for line in block])
        elif first.startswith("- "):
            term, _, rest = " ".join([first[2:], *block[1:]]).partition(": ")
            lines += [".TP", inline(term), inline(rest)]
        else:
            lines += [".PP", inline(" ".join(line.strip() for line in block))]
    return lines


def heading(name, section, version, abstract):
    return [f".TH \"{name.upper()}\" \"{section}\" \"\" \"Fanout {version}\" \"Fanout\"",
            ".SH NAME", f"{escape(name)} \\- {escape(abstract)}"]


def spelled(argument):
    """--name VALUE, with the short form before it."""
    names = [("-" if name["kind"] == "short" else "--") + name["name"] for name in argument.get("names", [])]
    value = "" if argument["kind"] == "flag" else f" <{argument['valueName']}>"
    return (", ".join(sorted(names, key=len)) or value.strip()) + (value if names else "")


def arguments(command):
    lines = []
    for argument in command.get("arguments", []):
        # Each command has --help and --version.
        if argument.get("shouldDisplay", True) and argument["valueName"] not in ("help", "version"):
            words = argument.get("abstract", "")
            if default := argument.get("defaultValue"):
                words += f" Default: {default}."
            lines += [".TP", f"\\fB{escape(spelled(argument))}\\fR", escape(" ".join(words.split())) or "\\ "]
    return lines


def prose(text):
    return [line for part in text.split("\n\n") for line in (".PP", escape(" ".join(part.split())))]


def program(path, section, version, more):
    dump = json.loads(subprocess.run([path, "--experimental-dump-help"], capture_output=True, check=True).stdout)
    command = dump["command"]
    name = command["commandName"]
    lines = heading(name, section, version, command["abstract"].rstrip(".").lower())
    subcommands = [sub for sub in command.get("subcommands", []) if sub["commandName"] != "help"]
    lines += [".SH SYNOPSIS", f"\\fB{name}\\fR" + (" \\fIsubcommand\\fR [\\fIoptions\\fR]" if subcommands else " [\\fIoptions\\fR]")]
    examples, _, description = command.get("discussion", "").rpartition("\n\n")
    lines += [".SH DESCRIPTION", *prose(description)]
    if examples:
        title, *shown = examples.splitlines()
        lines += [".PP", escape(title), ".nf", *(escape(line) for line in shown), ".fi"]
    if options := arguments(command):
        lines += [".SH OPTIONS", *options]
    for sub in subcommands:
        lines += [f".SH \"{name.upper()} {sub['commandName'].upper()}\"", escape(sub["abstract"])]
        lines += prose(sub.get("discussion", "")) + arguments(sub)
    return lines + roff(more)


def main():
    folder, version, fanout, fanoutd = pathlib.Path(sys.argv[1]), *sys.argv[2:5]
    pages = {
        "fanout.1": program(fanout, 1, version, (ROOT / "packaging" / "fanout.1.md").read_text()),
        "fanoutd.8": program(fanoutd, 8, version, (ROOT / "packaging" / "fanoutd.8.md").read_text()),
    }
    text = (ROOT / "docs" / "configuration.md").read_text()
    _, _, body = text.partition("\n")
    pages["fanout.yaml.5"] = heading("fanout.yaml", 5, version, "the configuration of fanoutd") + [
        ".SH DESCRIPTION", *roff(body), ".SH SEE ALSO", "\\fBfanoutd\\fR(8), \\fBfanout\\fR(1)"]
    for name, lines in pages.items():
        target = folder / f"man{name[-1]}"
        target.mkdir(parents=True, exist_ok=True)
        (target / name).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
