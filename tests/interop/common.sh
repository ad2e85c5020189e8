# What the tests of this folder share. $1 of the caller's set is not touched.

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checks=0

skip()
{
    echo "skipped: $1"
    exit 77
}

fail()
{
    echo "FAILED: $1" >&2
    exit 1
}

# accepted WHAT COMMAND...
accepted()
{
    what=$1
    shift
    "$@" > "$work/said" 2>&1 || { cat "$work/said" >&2; fail "$what was refused"; }
    checks=$((checks + 1))
}

# refused WHAT COMMAND...: with exit status 3, and nothing else.
refused()
{
    what=$1
    shift
    status=0
    "$@" > "$work/said" 2>&1 || status=$?
    [ "$status" -eq 3 ] || { cat "$work/said" >&2; fail "$what: status $status, not 3"; }
    checks=$((checks + 1))
}

# flip FILE OFFSET OUT: a copy with the lowest bit of one byte flipped; from the end when negative.
flip()
{
    python3 - "$@" << 'PROGRAM'
import sys

data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[2])] ^= 1
open(sys.argv[3], "wb").write(data)
PROGRAM
}

make_notes=${VESTRY_BUILD:?is the build directory}/interop/make_notes
[ -x "$make_notes" ] || fail "$make_notes is not built"
"$make_notes" "$work"
