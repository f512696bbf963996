#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh BIN PROGRAM: the program on a display of its own, with a window manager, and with a dataset of
# real media in $UI_DATASET, which UI_CLIPS makes longer by clips without media; $UI_THEME and $UI_SCALE
# are how it looks. Without Xvfb the test is left out (77).
command -v Xvfb >/dev/null && command -v openbox >/dev/null ||
    { echo "Xvfb and openbox are not there: ./do deps installs them"; exit 77; }
scratch=$(mktemp -d "${TMPDIR:-/tmp}/melkit-ui-XXXXXX") || exit 1
server='' manager=''
trap 'kill $manager $server 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

mel() { "$bin/mel" -q "$@" >/dev/null 2>&1 || [ $? = 3 ]; } # 3: a world has bad rows
bin=$1
"$bin/mel-world" "$scratch/world" --sources 5 --faulty 0 --seconds 11 --size 320x180 >/dev/null 2>&1 &&
    mel init "$scratch/dataset" && mel -C "$scratch/dataset" import "$scratch/world/list.csv" &&
    mel -C "$scratch/dataset" fetch || exit 1
if [ "${UI_CLIPS:-0}" -gt 0 ]; then
    seq "$UI_CLIPS" | awk 'BEGIN { print "url,start_s,title" }
        { printf "https://example.org/%06d.mp4,%d,Some title number %d\n", $1, $1 % 50, $1 }' >"$scratch/more.csv"
    mel -C "$scratch/dataset" import "$scratch/more.csv"
    sqlite3 "$scratch/dataset/mel.db" "UPDATE clip SET state = 'ready' WHERE state = 'new'"
fi
mkfifo "$scratch/display"
GDK_SCALE=${UI_SCALE:-1} GTK_THEME=${UI_THEME:-Adwaita}
Xvfb -displayfd 3 -screen 0 $((1400 * GDK_SCALE))x$((900 * GDK_SCALE))x24 -nolisten tcp \
    3>"$scratch/display" >/dev/null 2>&1 &
server=$!
read -r number <"$scratch/display" || exit 1
DISPLAY=:$number GDK_BACKEND=x11 GDK_DEBUG=gl-disable GSK_RENDERER=cairo GTK_A11Y=test GSETTINGS_BACKEND=memory
UI_DATASET=$scratch/dataset XDG_RUNTIME_DIR=$scratch HOME=$scratch LC_ALL=C.UTF-8
export DISPLAY GDK_BACKEND GDK_DEBUG GSK_RENDERER GTK_A11Y GSETTINGS_BACKEND UI_DATASET XDG_RUNTIME_DIR HOME \
    LC_ALL GTK_THEME GDK_SCALE
openbox >/dev/null 2>&1 &
manager=$!
sleep 1
"$2"
