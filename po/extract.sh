#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# extract.sh OUT.pot: every text that a person can be shown: of the files in POTFILES and of the
# vocabulary. It has no date, so that the same sources give the same file.
set -eu
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/schemas"
python3 po/vocabulary.py schemas/vocabulary.json >"$scratch/schemas/vocabulary.c"
# Definition files are C that no file name tells.
grep '\.def$' po/POTFILES >"$scratch/definitions"
grep -v '\.def$' po/POTFILES >"$scratch/others"
extract() {
    xgettext --from-code=UTF-8 --keyword=_ --keyword=N_ --keyword=mel_text \
        --keyword=mel_text_count:1,2 --keyword=mel_err:3 --keyword=mel_err_reason:4 \
        --keyword=mel_err_errno:2 --keyword=mel_err_wrap:2 --keyword=mel_err_hint:2 \
        --add-comments=' a term' \
        --add-location=file --package-name=Melkit --output="$scratch/melkit.pot" "$@"
}
extract --files-from="$scratch/others"
extract --join-existing --language=C --files-from="$scratch/definitions"
extract --join-existing --directory="$scratch" schemas/vocabulary.c
sed -e '1,4d' -e '/^"POT-Creation-Date/d' -e '/charset=CHARSET/s/CHARSET/UTF-8/' \
    -e 's|schemas/vocabulary\.c|schemas/vocabulary.json|' "$scratch/melkit.pot" >"$out"
