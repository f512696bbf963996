#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_fonts.sh PROGRAM: where no font is installed the program says so in a sentence, and ends before it
# looks for a screen; where one is, it goes on to that (and there is none here).
program=$1
scratch=$(mktemp -d "${TMPDIR:-/tmp}/melkit-fonts-XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
unset DISPLAY WAYLAND_DISPLAY
HOME=$scratch XDG_RUNTIME_DIR=$scratch LC_ALL=C.UTF-8 LANGUAGE=
export HOME XDG_RUNTIME_DIR LC_ALL LANGUAGE

fail() { echo "$1"; cat "$scratch/said"; exit 1; }

if [ -n "$(fc-list 2>/dev/null)" ]; then
    "$program" "$scratch" >"$scratch/said" 2>&1 && fail "it succeeded without a screen"
    grep -q 'no font' "$scratch/said" && fail "it misses fonts that are there"
fi
printf '<?xml version="1.0"?>\n<fontconfig><dir>%s/none</dir><cachedir>%s</cachedir></fontconfig>\n' \
    "$scratch" "$scratch" >"$scratch/fonts.conf"
FONTCONFIG_FILE=$scratch/fonts.conf "$program" "$scratch" >"$scratch/said" 2>&1
status=$?
[ $status = 1 ] || fail "without a font it ended with $status"
grep -q '^mel-annotator: there is no font' "$scratch/said" || fail "it does not say what is missing"
grep -q 'install one' "$scratch/said" || fail "it does not say what to do"
grep -Eq 'CRITICAL|WARNING|ERROR' "$scratch/said" && fail "and more than that"
FONTCONFIG_FILE=$scratch/fonts.conf "$program" --help >"$scratch/said" 2>&1 || fail "--help wants a font"
exit 0
