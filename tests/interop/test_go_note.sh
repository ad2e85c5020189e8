#!/bin/sh
# A checkpoint is opened, and an inclusion path checked, by Go's note and tlog packages.
set -eu
. "$(dirname "$0")/common.sh"

command -v go > /dev/null || skip "go is not installed (Debian package golang-go)"
[ -d /usr/share/gocode/src/golang.org/x/mod/sumdb/note ] ||
    skip "golang.org/x/mod is not installed (Debian package golang-golang-x-mod-dev)"

export GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= GOCACHE="$work/cache" CGO_ENABLED=0
go build -o "$work/note_check" "$here/note_check/main.go"
check=$work/note_check
leaf=$(cat "$work/leaf")
cat "$work/vkeys" "$work/cosign" > "$work/all"

accepted "the checkpoint with 7 sign keys" "$check" "$work/checkpoint" "$work/vkeys"
accepted "the checkpoint with 7 cosign keys" "$check" "$work/checkpoint" "$work/cosign"
accepted "the checkpoint with 14 keys" "$check" "$work/checkpoint" "$work/all"
accepted "the path of leaf 6" "$check" "$work/checkpoint" "$work/all" "$leaf" 6 "$work/path"

refused "another index" "$check" "$work/checkpoint" "$work/all" "$leaf" 7 "$work/path"
flip "$work/path" 0 "$work/path2"
refused "another path" "$check" "$work/checkpoint" "$work/all" "$leaf" 6 "$work/path2"
# 5: the origin. 54: the size. 60: the root. -8: the last signature. All leave the note well formed.
for at in 5 54 60 -8; do
    flip "$work/checkpoint" "$at" "$work/flipped"
    refused "byte $at flipped" "$check" "$work/flipped" "$work/all"
done
sed '/\/r11 /d' "$work/checkpoint" > "$work/fewer"
refused "a checkpoint without r11's line" "$check" "$work/fewer" "$work/all"

echo "go note: $checks checks"
