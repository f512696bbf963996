#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel show: one clip, in sections and as JSON.
. "$(dirname "$0")/lib.sh"
make_dataset data 40 || exit 1
show() { code=$1; shift; run "$code" "$MEL" -C data show "$@"; }
one() { "$MEL" -C data list --where "$1" --columns id --limit 1 | tail -n +2; }
triplet=$("$MEL" -C data list --view triplets --where included --columns id --limit 1 | tail -n +2)
excluded=$(one "excluded_by IS NOT NULL")
failed=$(one "state = 'failed'")

expect_success 'a triplet has every section' '
    show 0 "$triplet" && empty err &&
    [ "$(head -n 1 out)" = "$triplet" ] &&
    for title in "Media files" "Measures of the sound" "Measures of the picture" "Frames" \
        "Labels that came with lists" "Annotations" "Settlement" "Scores" "Splits" "Fetches"; do
        matches out "^$title" || exit 1
    done
'

expect_success 'measures come with unit and meaning' '
    show 0 "$triplet" &&
    matches out "^  true_peak_dbtp +[-0-9.]+ dBTP +highest true peak"
'

expect_success 'an excluded clip names its pass and the condition' '
    show 0 "$excluded" && has out "kept out by" && has out "Passes that keep it out" &&
    has out "bandwidth_hz < 9000"
'

expect_success 'a failed clip has no measures, but its reason and its fetches' '
    show 0 "$failed" && lacks out "Measures" && matches out "^  reason +[a-z]+[.]" && has out "Fetches"
'

expect_success 'as JSON every clip is one object of the schema' '
    "$MEL" -C data list --columns id | tail -n +2 > ids &&
    while read -r id; do "$MEL" -C data --json show "$id" || exit 1; done < ids > all &&
    lines all 40 && whole show all
'

expect_success 'a clip that is not there is not found, with the nearest one' '
    show 1 "yt-00000000000:30001" && empty out && has err "there is no clip" &&
    has err "did you mean '\''yt-00000000000:30000'\''" &&
    show 2 && has err "wants more arguments" &&
    show 2 a b && has err "does not know what to do with"
'
finish
