#!/bin/sh
# A sample of the seeded mistakes, each found by the simulator. All of them: tests/sim/mutants.
cd "$(dirname "$0")/../.." || exit 2
command -v "${CC:-cc}" >/dev/null && command -v pkg-config >/dev/null || exit 77
if [ -z "$VESTRY_LAUNCHER" ] && command -v ccache >/dev/null; then
    VESTRY_LAUNCHER=ccache
    export VESTRY_LAUNCHER
fi
exec tests/sim/mutants --only 3,9,16,18,22,26,57,64 --seeds 1..100
