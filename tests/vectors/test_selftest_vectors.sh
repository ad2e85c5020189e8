#!/bin/sh
# The vectors that the programs carry are those that the script makes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/selftest_vectors.py" --check "$here/../../crypto/selftest_vectors.h"
