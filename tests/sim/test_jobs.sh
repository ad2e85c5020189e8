#!/bin/sh
# Several processes say what one says, in the same order, and end as it does.
sim="${VESTRY_BIN:?}/vestry-sim"
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT

# How long a run took is not the same.
same() {
    "$sim" "$@" >"$scratch/one"
    one=$?
    "$sim" --jobs 3 "$@" >"$scratch/three"
    three=$?
    sed 's/ simulated in .*//' "$scratch/one" >"$scratch/one.timeless"
    sed 's/ simulated in .*//' "$scratch/three" >"$scratch/three.timeless"
    if ! cmp "$scratch/one.timeless" "$scratch/three.timeless" || [ $one -ne $three ]; then
        echo "--jobs 3 $*: exit status $three where one process has $one"
        exit 1
    fi
}

same --seeds 1..5 --steps 300 --hash
[ $one -eq 0 ] || { echo "good seeds end with $one"; exit 1; }

# More liars than anybody can bear.
same --seeds 1..12 --steps 600 --n 4 --set liars=14 --set lies=33 --set lie_permille=300
[ $one -eq 1 ] || { echo "bad seeds end with $one"; exit 1; }
[ "$(grep -c '^seed' "$scratch/three")" -gt 1 ] || { echo "few seeds failed"; exit 1; }

# f of 4 is 1: a CHECK breaks, and what comes after it is not run.
same --seeds 3..9 --n 4 --set f=2
[ $one -eq 1 ] || { echo "a broken CHECK ends with $one"; exit 1; }
grep -q '^seed 3 n=4: a CHECK broke' "$scratch/three" || { echo "no last words"; exit 1; }

# Fewer seeds than processes; and what cannot be told by several.
same --seed 5 --steps 300 --hash
"$sim" --jobs 2 --seed 5 --trace >/dev/null 2>&1
[ $? -eq 2 ] || { echo "a trace of several processes"; exit 1; }
