#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_desktop.sh PART SOURCE BUILD VERSION: one of the desktop's files, or all of them installed.
# Without the part's judge it is left out (77).
part=$1 data=$2/annotator/data build=$3 version=$4
id=org.melkit.Annotator
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
LC_ALL=C.UTF-8
export LC_ALL
fail() { echo "$*"; exit 1; }
want() { command -v "$1" >/dev/null || { echo "$1 is not there: ./do deps installs it"; exit 77; }; }

entry() {
    want desktop-file-validate
    desktop-file-validate "$data/$id.desktop" >"$scratch/told" 2>&1 || fail "$(cat "$scratch/told")"
    [ ! -s "$scratch/told" ] || fail "$(cat "$scratch/told")"
}

metainfo() {
    want appstreamcli
    appstreamcli validate --no-net "$data/$id.metainfo.xml" || exit 1
    grep -q "<release version=\"$version\"" "$data/$id.metainfo.xml" ||
        fail "$id.metainfo.xml does not have the release $version"
}

schema() {
    want glib-compile-schemas
    glib-compile-schemas --strict --dry-run "$data" || exit 1
}

icons() {
    want xmllint
    xmllint --noout "$data"/icons/*.svg || exit 1
    for file in "$id" "$id-symbolic"; do
        grep -q viewBox "$data/icons/$file.svg" || fail "$file.svg does not scale"
    done
}

manual() {
    want man
    page=$build/annotator/data/mel-annotator.1
    man --warnings --encoding=UTF-8 -l "$page" >"$scratch/page" 2>"$scratch/told" || exit 1
    [ ! -s "$scratch/told" ] || fail "$(cat "$scratch/told")"
    if grep -n '@[A-Z]*@' "$page"; then fail "something was not filled in"; fi
    [ "$(grep -c '^KEY(' "$data/../core/keys.def")" = \
        "$(sed -n '/^\.SH KEYS/,/^\.SH FILES/p' "$page" | grep -c '^\.TP')" ] ||
        fail "the manual does not have all keys"
    "$build/bin/mel-annotator" --help | grep -o '^ *\(-.,\)\? *--[a-z]*' | grep -o -- '--.*' |
        grep -v -e --help- -e --version | while read -r option; do
        grep -q -- "$option" "$scratch/page" || echo "the manual lacks $option"
    done | grep . && exit 1
    true
}

# Installed elsewhere it finds its translations and its settings, and is found by the desktop.
install() {
    want gsettings
    unset DESTDIR
    cmake --install "$build" --prefix "$scratch/usr" >"$scratch/log" 2>&1 || fail "$(cat "$scratch/log")"
    for file in bin/mel bin/mel-annotator share/applications/$id.desktop \
        share/metainfo/$id.metainfo.xml share/icons/hicolor/scalable/apps/$id.svg \
        share/icons/hicolor/symbolic/apps/$id-symbolic.svg share/man/man1/mel-annotator.1 \
        share/glib-2.0/schemas/gschemas.compiled; do
        [ -s "$scratch/usr/$file" ] || fail "$file is not installed"
    done
    audio=$(GSETTINGS_BACKEND=memory gsettings --schemadir "$scratch/usr/share/glib-2.0/schemas" \
        get "$id" audio)
    [ "$audio" = "'pulse'" ] || fail "the setting 'audio' is $audio"
    [ -d "$build/annotator/locale" ] || return 0
    LANGUAGE=nl "$scratch/usr/bin/mel-annotator" --help | grep -q 'Wie annoteert' ||
        fail "installed, it speaks no Dutch"
    MEL_LOCALEDIR=$scratch LANGUAGE=nl "$scratch/usr/bin/mel-annotator" --help |
        grep -q 'Who annotates' || fail "MEL_LOCALEDIR does not stand before the installed texts"
}

"$part"
