#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the writing commands print with --json is as schemas/json says.
. "$(dirname "$0")/lib.sh"
make_dataset data 60 || exit 1
mel() { code=$1; shift; run "$code" "$MEL" -C data --json "$@"; }

expect_success 'init' 'run 0 "$MEL" --json init new && whole init && lines out 1'

expect_success 'import, with a row that cannot be read' '
    printf "%s\n" "url,start_s" "https://example.org/a.mp4,3" "ftp://example.org/b.mp4,3" > list.csv &&
    run 3 "$MEL" -C new --json import list.csv && valid import &&
    has out "\"event\":\"bad_row\"" && has out "\"event\":\"imported\"" && lines out 2
'

expect_success 'fetch, with a file that is no media' '
    printf "%s" "this is no film" > no.mp4 && printf "%s\n" "url,start_s" "$PWD/no.mp4,0" > files.csv &&
    run 0 "$MEL" -C new --json import files.csv &&
    run 3 "$MEL" -C new --json fetch --where "kind = '\''file'\''" && valid fetch &&
    has out "\"event\":\"failed\"" && has out "\"event\":\"done\"" && lines out 2
'

expect_success 'annotate: an answer, a draft and a list of terms' '
    mel 0 annotate yt-00000000002:30000 --set genre=Pop -a somebody && valid annotate &&
    mel 0 annotate yt-00000000002:30000 --set genre=Jazz -a somebody --draft && valid annotate &&
    has out "\"rev\":2" && has out "\"state\":\"draft\"" &&
    mel 0 annotate --terms genre && valid annotate && lines out 16
'

expect_success 'filter: a trial, a pass, the list, an undo' '
    mel 0 filter --name loud --where "loudness_lufs > -12" --dry-run && valid filter &&
    has out would_filter &&
    mel 0 filter --name loud --where "loudness_lufs > -12" && valid filter &&
    mel 0 filter --list && valid filter && lines out 5 &&
    mel 0 filter --undo loud && valid filter && has out "\"event\":\"undone\""
'

expect_success 'dedup: a trial, a run and the list' '
    mel 0 dedup --dry-run && valid dedup && has out would_dedup &&
    mel 0 dedup && valid dedup && mel 0 dedup --list && valid dedup && has out "\"event\":\"pair\""
'

expect_success 'split' '
    mel 0 split --name two --train .8 --val .1 --test .1 --stratify genre --seed 3 && whole split
'

expect_success 'export' '
    for format in jsonl csv webdataset; do
        mel 0 export --split main --format $format "out-$format" && whole export && lines out 1 ||
            exit 1
    done
'

expect_success 'verify: all is well, and then a file is gone' '
    mel 0 verify && valid verify && has out "\"errors\":0" &&
    rm "data/$("$MEL" -C data list --view triplets --columns audio_path --limit 1 | tail -n 1)" &&
    mel 3 verify && valid verify && has out "media.missing"
'

expect_success 'takedown' '
    mel 0 takedown yt-00000000004 --reason "asked for" && whole takedown && has out "removed" &&
    mel 0 explain "$("$MEL" -C data list --where "source = '\''yt-00000000004'\''" \
        --columns id --limit 1 | tail -n 1)" && whole explain && has out "taken down"
'
finish
