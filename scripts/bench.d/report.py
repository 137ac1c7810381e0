# Fanout
# SPDX-License-Identifier: Apache-2.0
"""The numbers as Markdown, for docs/performance.md."""


def _verdict(holds: bool) -> str:
    return "holds" if holds else "**falls short**"


def _table(head: list[str], rows: list[list]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _bounds(result: dict) -> list[list]:
    rows = []

    def row(what: str, bar: str, measured: str, holds: bool) -> None:
        rows.append([what, bar, measured, _verdict(holds)])

    if "throughput" in result:
        for model, bar in (("plain", 32), ("tls", 36)):
            shapes = result["throughput"][model]
            worst = max(shapes["64"]["cpu_us"], shapes["1000"]["cpu_us"])
            words = f"{shapes['64']['cpu_us']:.1f} µs (64), {shapes['1000']['cpu_us']:.1f} µs (1,000)"
            row(f"daemon CPU per item, {model}, batch ≥ 64", f"≤ {bar} µs", words, worst <= bar)
        best = result["throughput"]["plain"]
        words = ", ".join(f"{shape['items_per_second']:,.0f} ({int(batch):,})" for batch, shape in best.items())
        worst = min(best["64"]["items_per_second"], best["1000"]["items_per_second"])
        row("items/s, plain, client and upstream on the same cores", "≥ 30,000", words, worst >= 30_000)
    if "one" in result:
        one = result["one"]
        for suffix, name in (("", "plain"), ("_tls", "tls")):
            added = one["daemon" + suffix]["p50_us"] - one["direct"]["p50_us"]
            bar = one["proxy" + suffix]["p50_us"] - one["direct"]["p50_us"] + one["wakeup"]["p50_us"]
            words = f"{added:.0f} µs"
            row(f"added p50, one item at a time, {name}", f"≤ {bar:.0f} µs (nginx + one wake-up)", words, added <= bar)
        per_item = one["daemon"]["per_item"]
        other = per_item["other_threads_switches"]
        words = f"{per_item['loop_switches']:.2f} sleeps of the loop, {other:.3f} of all other threads"
        row("thread hops per item, one at a time", "none beyond the loop", words, other < 0.01)
    for line in result.get("micro", []):
        if line["name"] == "router submit + settle":
            median = line["median_ns"] / 1000
            row("RouterCore submit + settle, 100,000 queued", "< 2 µs median", f"{median:.2f} µs", median < 2)
        if line["name"].startswith("router decision"):
            median, p99, allocations = line["median_ns"] / 1000, line["p99_ns"] / 1000, line["allocations"]
            words = f"{median:.2f} µs, p99 {p99:.1f} µs, {allocations:g} allocations"
            holds = median < 3 and p99 < 15 and allocations < 0.01
            row(f"{line['name']}, 100,000 queued", "< 3 µs median, < 15 µs p99, no allocation", words, holds)
    if "makespan" in result:
        make = result["makespan"]
        over = make["daemon"]["seconds"] / make["bare"]["seconds"] - 1
        first = make["daemon"]["first_result_ms"]
        what = f"{make['items']:,} items, 64 wide, 50 ms upstream"
        words = f"{over * 100:+.1f} % ({make['daemon']['seconds']:.3f} s against {make['bare']['seconds']:.3f} s)"
        row(what, "≤ 5 % over a bare loop", words, over <= 0.05)
        row("its first result", "≤ 60 ms", f"{first:.1f} ms", first <= 60)
    if "bulk" in result:
        for speed in ("full", "half"):
            tenths = result["bulk"][speed]["resident_mib_tenths"]
            grown = tenths[9] / tenths[0] - 1 if tenths[0] else 0
            words = f"{grown * 100:+.1f} % ({tenths[0]} → {tenths[9]} MiB)"
            what = f"memory over a {result['bulk']['items']:,}-item open batch, reader at {speed} speed"
            row(what, "end within 20 % of one tenth", words, abs(grown) <= 0.2)
    if "interactive" in result:
        part = result["interactive"]
        added = (part["beside"]["p99_us"] - part["alone"]["p99_us"]) / 1000
        words = f"{added:.2f} ms ({part['alone']['p99_us'] / 1000:.2f} → {part['beside']['p99_us'] / 1000:.2f} ms)"
        row("interactive item beside bulk, added p99", "≤ 5 ms", words, added <= 5 and not part["singles_lost"])
    if "cancel" in result:
        for how, words in (("cancel", "an item is cancelled"), ("close", "the client closes")):
            part = result["cancel"][how]
            missing = part["never_seen"] + part["never_closed"]
            measured = f"{part['p99_us'] / 1000:.2f} ms" + (f", {missing} never" if missing else "")
            holds = not missing and part["p99_us"] <= 50_000
            row(f"{words} → upstream connection closed, p99 under load", "≤ 50 ms", measured, holds)
    if "idle" in result:
        idle = result["idle"]
        row("idle: resident memory", "≤ 40 MB", f"{idle['resident_mib']:.1f} MiB", idle["resident_mib"] <= 40 / 1.048576)
        switches = idle["switches_per_second"]
        row("idle: voluntary context switches", "≤ 1 a second", f"{switches:.1f} a second", switches <= 1)
        words = f"{idle['start_ms']:.0f} ms, at most {idle['start_ms_max']:.0f}"
        row("start to first Welcome", "≤ 200 ms", words, idle["start_ms_max"] <= 200)
    return rows


def _throughput(result: dict) -> str:
    rows = []
    for model, shapes in result["throughput"].items():
        for batch, shape in shapes.items():
            rows.append([
                model, f"{int(batch):,}", f"{shape['items_per_second']:,.0f}", f"{shape['cpu_us']:.1f}",
                f"{shape['p50_us'] / 1000:.2f}", f"{shape['p99_us'] / 1000:.2f}", f"{shape['first_us'] / 1000:.2f}",
                f"{shape['switches']:.3f}", f"{shape['other_threads_switches']:.3f}",
                f"{shape['daemon_cores']:.2f}", f"{shape['upstream_cores']:.2f}", f"{shape['client_cores']:.2f}",
            ])
    head = [
        "upstream", "batch", "items/s", "daemon CPU µs/item", "p50 ms", "p99 ms", "first of batch ms", "switches/item",
        "of other threads", "cores: daemon", "upstream", "client",
    ]
    return _table(head, rows)


def _one(result: dict) -> str:
    one = result["one"]
    names = {
        "wakeup": "one cross-core wake-up", "direct": "the upstream itself, TCP", "proxy": "nginx as a proxy",
        "daemon": "fanoutd", "proxy_tls": "nginx as a proxy, TLS upstream", "daemon_tls": "fanoutd, TLS upstream",
    }
    rows = []
    for key, name in names.items():
        part, direct = one[key], one["direct"]
        added = ["–", "–"] if key in ("wakeup", "direct") else [
            f"{part['p50_us'] - direct['p50_us']:.0f}", f"{part['p99_us'] - direct['p99_us']:.0f}"
        ]
        rows.append([name, f"{part['p50_us']:.1f}", f"{part['p99_us']:.1f}"] + added)
    return _table(["one at a time", "p50 µs", "p99 µs", "added p50", "added p99"], rows)


def _floors(result: dict) -> str:
    floors = result["floors"]
    rows = [
        [f"nginx as a proxy, 64 wide, {name}", f"{part['items_per_second']:,.0f}", f"{part['cpu_us']:.1f}"]
        for name, part in floors["proxy"].items()
    ]
    rows += [
        [f"the client against the stand-in, batches of {int(batch):,}", f"{rate:,.0f}", "–"]
        for batch, rate in floors["client_ceiling"].items()
    ]
    return _table(["floor", "items/s", "its CPU µs/item"], rows)


def _micro(result: dict) -> str:
    rows = []
    for line in result["micro"]:
        p99 = f"{line['p99_ns']:,.0f}" if "p99_ns" in line else ""
        allocations = f"{line['allocations']:g}" if "allocations" in line else ""
        numbers = [f"{line['median_ns']:,.0f}", f"{line['best_ns']:,.0f}", p99, allocations]
        rows.append([line["name"], *numbers, line["of"]])
    return _table(["micro benchmark", "median ns", "best ns", "p99 ns", "allocations", "per"], rows)


def failures(result: dict) -> list[str]:
    found = []

    def walk(path: str, value) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{path}.{key}" if path else key, inner)
        elif path.endswith("failed") and value:
            found.append(f"{path}: {value:g} failed items")

    walk("", result)
    return found


def markdown(result: dict) -> str:
    machine = result["machine"]
    parts = [
        f"{machine['processor']}, {machine['cores']} cores, hypervisor {machine['hypervisor']}, "
        f"{machine['memory_gib']} GiB, {machine['kernel']}; load before the run {machine['load_before']:.2f}. "
        f"Commit {result['commit']}, {result['date']}, `{result['command'].strip()}`, {result['seconds']:g} s"
        + (" (a quick run: too short to judge by)." if result["quick"] else "."),
        _table(["what", "bar", "measured", ""], _bounds(result)),
    ]
    for key, make in (("throughput", _throughput), ("one", _one), ("floors", _floors), ("micro", _micro)):
        if key in result:
            parts.append(make(result))
    found = failures(result)
    if found:
        parts.insert(1, "**Not clean, so nothing below counts:** " + "; ".join(found) + ".")
    return "\n\n".join(parts)
