# Fanout
# SPDX-License-Identifier: Apache-2.0
"""Makes the demonstration's batch, and shows and judges what comes of it. Run by scripts/demo."""

import json
import sys

ITEMS = 20


def prepare(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            # The likeliest words: drawn ones differ from processor to processor, and some are none at all.
            call = {"model": "demo", "max_tokens": 32, "temperature": 0, "stop": ["Question:"]}
            print(json.dumps({**call, **json.loads(line)}, ensure_ascii=False))


def show(result):
    text = result.get("text") or f"{result.get('code')}: {result.get('error')}"
    text = " ".join(text.split())
    again = f"{result.get('attempts', 0)} attempts" if result.get("attempts", 0) != 1 else ""
    name, deployment = result.get("id") or result["index"], result.get("deployment") or "-"
    print(f"{name:<10} {deployment:<40} {again:<11} {text[:70]}", flush=True)


def judge(results, summary):
    texts = [(r.get("text") or "").strip() for r in results]
    faults = []
    if summary is None:
        faults.append("no summary came")
    elif summary.get("succeeded") != ITEMS:
        faults.append(f"succeeded is {summary.get('succeeded')}, not {ITEMS}")
    if len(results) != ITEMS or not all(texts) or len(set(texts)) != ITEMS:
        faults.append(f"{len(results)} results with {len(set(filter(None, texts)))} distinct texts, not {ITEMS}")
    if not any(r.get("attempts", 0) >= 2 for r in results):
        faults.append("no item took two attempts")
    return faults


def main():
    if sys.argv[1] == "prepare":
        prepare(sys.argv[2])
        return 0
    results, summary = [], None
    for line in sys.stdin:
        if not line.strip():
            continue
        record = json.loads(line)
        if "index" in record:
            results.append(record)
            show(record)
        else:
            summary = record
    faults = judge(results, summary)
    for fault in faults:
        print(f"not as expected: {fault}", file=sys.stderr)
    retried = sum(r.get("attempts", 0) >= 2 for r in results)
    print(f"{len(results)} results, {retried} of them after a retry")
    print(json.dumps(summary, ensure_ascii=False))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
