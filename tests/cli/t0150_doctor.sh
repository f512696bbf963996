#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel doctor: what is there, what is not, what to do.
. "$(dirname "$0")/lib.sh"
make_dataset data 10 || exit 1
mkdir bin
fake() { # fake NAME TEXT: a program that prints it
    printf '#!/bin/sh\necho "%s"\n' "$2" > "bin/$1" && chmod +x "bin/$1"
}
state_of() { # state_of COMPONENT KEY: from the JSON lines in out
    /usr/bin/python3 -c "
import json, sys
for line in open('out'):
    row = json.loads(line)
    if row['component'] == sys.argv[1]: print(row[sys.argv[2]])" "$1" "$2"
}

expect_success 'libraries are named with versions, as the schema says' '
    run 0 "$MEL" -C data --json doctor && empty err && whole doctor &&
    for name in melkit libavformat libavcodec libsndfile turbojpeg libcurl libebur128 sqlite; do
        state_of $name state | grep -qE "^[0-9]+[.][0-9]+" || { echo "$name"; exit 1; }
    done &&
    [ "$(state_of tls verdict)" = ok ] &&
    state_of sandbox state | grep -q "^rlimits" &&
    state_of dataset state | grep -q "^10 clips" && state_of disk state | grep -q "free"
'

expect_success 'an old yt-dlp is a warning, a fresh one is not' '
    fake yt-dlp "2023.03.04" &&
    PATH=$PWD/bin:$PATH run 0 "$MEL" -C data --json doctor &&
    [ "$(state_of yt-dlp verdict)" = warn ] && state_of yt-dlp advice | grep -q "update it" &&
    fake yt-dlp "$(date -u +%Y.%m.%d)" &&
    PATH=$PWD/bin:$PATH run 0 "$MEL" -C data --json doctor &&
    [ "$(state_of yt-dlp verdict)" = ok ] && state_of yt-dlp state | grep -q " 0 days old"
'

expect_success 'without yt-dlp and a script runtime the rest still works' '
    PATH=/nonexistent run 0 "$MEL" -C data --json doctor && whole doctor &&
    [ "$(state_of yt-dlp verdict)" = missing ] && [ "$(state_of yt-dlp required)" = False ] &&
    [ "$(state_of "js runtime" verdict)" = warn ]
'

expect_success 'outside a dataset a trial store is made and taken away' '
    mkdir -p elsewhere tmp &&
    TMPDIR=$PWD/tmp run 0 "$MEL" -C elsewhere --json doctor && whole doctor &&
    [ "$(state_of dataset state)" = "none here" ] && [ "$(state_of sqlite verdict)" = ok ] &&
    [ -z "$(ls tmp)" ] && [ -z "$(ls elsewhere)" ]
'

expect_success 'a damaged store is missing, and the exit code says so' '
    cp -R data damaged && rm -f damaged/mel.db-wal damaged/mel.db-shm &&
    echo "this is no store" > damaged/mel.db &&
    run 1 "$MEL" -C damaged --json doctor && whole doctor &&
    [ "$(state_of dataset verdict)" = missing ]
'

expect_success 'a pause that a site asked for is shown with its reason' '
    cp -R data paused &&
    until=$(($(date +%s) + 3000)) &&
    echo "{\"ytdlp\":{\"tokens\":0,\"at_us\":$(date +%s)000000,\"paused_until_us\":${until}000000,\"why\":\"too many requests\"}}" > paused/ratelimit.json &&
    run 0 "$MEL" -C paused doctor && matches out "^warn +rate limit +.ytdlp. pauses until .*too many requests"
'

expect_success 'for people: a verdict, a component and its state; all advice with -v' '
    run 0 "$MEL" -C data doctor && matches out "^ok +cpu +[0-9]+ cores? for this process" &&
    lacks out "curating and annotating need none" &&
    run 0 "$MEL" -C data doctor -v && has out "curating and annotating need none"
'
finish
