# Fanout
# SPDX-License-Identifier: Apache-2.0
#
# What the scripts share. Sourced, never run.

FANOUT_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
FANOUT_CACHE="${FANOUT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fanout}"
export FANOUT_CACHE

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

# locked NAME COMMAND…: one process at a time, so that two scripts that start together install once.
locked() {
    local name=$1
    shift
    mkdir -p "$FANOUT_CACHE"
    (
        flock 9
        "$@"
    ) 9>"$FANOUT_CACHE/$name.lock"
}

# make_venv DIRECTORY STAMP REQUIREMENT…: a virtual environment with exactly these. A present one with the same stamp
# and a working interpreter is kept.
make_venv() {
    local venv=$1 stamp=$2
    shift 2
    if [[ -f "$venv/.stamp" && "$(cat "$venv/.stamp")" == "$stamp" ]] && "$venv/bin/python" -c '' 2>/dev/null; then
        return 0
    fi
    rm -rf "$venv"
    python3 -m venv "$venv" >/dev/null 2>&1 || die "python3 -m venv failed: run scripts/setup"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --only-binary :all: "$@" >&2 ||
        die "pip could not install: $*"
    printf '%s' "$stamp" >"$venv/.stamp"
}

# The interpreter that runs the Python client and its tests.
python_environment() {
    locked python make_venv "$FANOUT_CACHE/python" "protobuf-7.36.2 pytest-9.2.0" protobuf==7.36.2 pytest==9.2.0
    printf '%s\n' "$FANOUT_CACHE/python/bin/python"
}

# stop_groups PID…: ends process groups that were started with `setsid`, politely, after 10 s by force.
stop_groups() {
    local pid deadline=$((SECONDS + 10))
    for pid in "$@"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
    for pid in "$@"; do
        while kill -0 -- "-$pid" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.05; done
        kill -KILL -- "-$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
}
