#!/usr/bin/env bash
# The quick start, without a terminal and from another folder, where it has nothing to build: next
# to the build that it uses itself. And what it says when a step fails.
set -euo pipefail
tree=$PWD
if [ "${VESTRY_BUILD:-}" != "$tree/build/release" ] || [ ! -x "$VESTRY_BIN/vestry" ]; then
    echo "not the release build of this tree"
    exit 77
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
cd /

expect() {
    grep -qF -- "$1" "$out" || {
        cat "$out"
        echo "missing: $1"
        exit 1
    }
}

"$tree/deploy/quickstart" </dev/null >"$out" 2>&1 || {
    cat "$out"
    exit 1
}
expect "each proven to be in the log, all equal"
expect "the payload is the one that was appended"
expect "refused, exit code 3"
expect "exit code 8: degraded"
expect "OK  4 of 4 up"
expect "The cluster is stopped"

code=0
"$tree/deploy/quickstart" --kepp </dev/null >"$out" 2>&1 || code=$?
[ "$code" -eq 2 ]
expect "usage: deploy/quickstart [--keep]"

exec 8>"$tree/build/quickstart.lock"
flock 8
code=0
"$tree/deploy/quickstart" </dev/null >"$out" 2>&1 || code=$?
[ "$code" -eq 1 ]
expect "another quickstart is at work"
echo "ok"
