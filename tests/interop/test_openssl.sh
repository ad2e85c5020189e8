#!/bin/sh
# Every line of a checkpoint is checked by openssl, which knows nothing of notes or trees.
set -eu
. "$(dirname "$0")/common.sh"

command -v openssl > /dev/null || skip "openssl is not installed"
check=$here/openssl_check

for vkey in $(cat "$work/vkeys" "$work/cosign"); do
    accepted "the line of $vkey" "$check" "$work/checkpoint" "$vkey"
done

sign=$(head -n 1 "$work/vkeys")
cosign=$(head -n 1 "$work/cosign")
for at in 5 54 60; do
    flip "$work/checkpoint" "$at" "$work/flipped"
    refused "byte $at flipped, sign key" "$check" "$work/flipped" "$sign"
    refused "byte $at flipped, cosign key" "$check" "$work/flipped" "$cosign"
done
# Each line's last base64 characters but one: the end of its signature.
lines=$(grep -n '^—' "$work/checkpoint" | head -n 2 | cut -d: -f1)
for line in $lines; do
    end=$(head -n "$line" "$work/checkpoint" | wc -c)
    flip "$work/checkpoint" $((end - 8)) "$work/flipped"
    key=$([ "$line" = "${lines%%[!0-9]*}" ] && echo "$sign" || echo "$cosign")
    refused "signature in line $line flipped" "$check" "$work/flipped" "$key"
done
sed '/\/r0 /d' "$work/checkpoint" > "$work/fewer"
refused "a checkpoint without r0's cosignature" "$check" "$work/fewer" "$cosign"

echo "openssl: $checks checks"
