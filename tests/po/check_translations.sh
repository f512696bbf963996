#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_translations.sh ROOT: melkit.pot is what the sources say, no file with texts is forgotten, and
# each translation is whole: nothing missing, nothing fuzzy. Without gettext it is left out (77).
for tool in xgettext msgfmt msgcmp python3; do
    command -v $tool >/dev/null || { echo "$tool is not there: ./do deps installs it"; exit 77; }
done
cd "$1/po" || exit 1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0
fail() { echo "$*"; failures=$((failures + 1)); }

sh extract.sh "$scratch/melkit.pot" && diff -u melkit.pot "$scratch/melkit.pot" ||
    fail "melkit.pot is older than the sources: run po/update.sh and translate"

(cd .. && grep -rlE '(^|[^A-Za-z0-9_])N?_\("|translatable="yes"' annotator --include='*.c' \
    --include='*.def' --include='*.ui' | sort) >"$scratch/with-texts"
sort POTFILES | comm -13 - "$scratch/with-texts" | grep . &&
    fail "these have texts to translate, and are not in POTFILES"

while read -r language; do
    found=$(LC_ALL=C msgfmt --check --statistics -o /dev/null "$language.po" 2>&1) ||
        fail "$language.po: $found"
    case $found in
    *fuzzy* | *untranslated* | *warning*) fail "$language.po: $found" ;;
    esac
    msgcmp "$language.po" "$scratch/melkit.pot" || fail "$language.po lacks texts of the sources"
done <LINGUAS
[ $failures = 0 ]
