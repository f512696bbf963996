#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The whole way on a world of real video files with planted faults: curate it, train every network on
# it from nothing, and make music from pictures and texts that no training saw. Every step may be
# repeated: a second run goes on where the first one stopped.
#
#   ./do demo [--fresh] [--quick]
set -eu

here=demo
quick=
while [ $# -gt 0 ]; do
    case $1 in
    --fresh) rm -rf $here ;;
    --quick) quick=yes ;;
    *) echo "demo: there is no option '$1' (--fresh, --quick)" >&2; exit 2 ;;
    esac
    shift
done
# Of everything the whole, or a first look: sources, mismatches, a share of the training's steps,
# held-out pictures, seeds.
sources=640 mismatched=48 share=1 held_out=54 seeds=3
if [ $quick ]; then sources=96 mismatched=8 share=8 held_out=6 seeds=1; fi
# A demo that was begun the other way would mix two worlds.
if [ -f $here/world/truth.json ] && ! grep -q "\"sources\": $sources," $here/world/truth.json; then
    echo "demo: '$here' holds a world of another size: ./do demo --fresh begins anew" >&2
    exit 2
fi

bin=build/bin
mel="$bin/mel -C $here/dataset"
begin=$(date +%s)
step=0

say() { step=$((step + 1)); printf '\n\033[1m%2d. %s\033[0m\n' "$step" "$*" >&2; }
# The command as one would type it: words with blanks or signs in quotes.
show() {
    printf '    \033[2m$' >&2
    for word in "$@"; do
        case $word in
        *[!A-Za-z0-9_.,:/=-]*) printf ' "%s"' "$word" >&2 ;;
        *) printf ' %s' "$word" >&2 ;;
        esac
    done
    printf '\033[0m\n' >&2
}
# Runs mel; 3 (some items failed) is what a world with planted faults must give.
run() {
    show mel -C "$here/dataset" "$@"
    $mel "$@" || [ $? = 3 ]
}
# A pass, once: its name, its condition, its note.
pass() { run filter --name "$1" --where "$2" --note "$3"; }

mkdir -p "$here"

say "A world: $sources video files, their list, and what is wrong with them"
if [ ! -f "$here/world/truth.json" ]; then
    set -- --sources $sources --faulty 28 --mismatched $mismatched --seconds 13 --size 320x180
    show mel-world "$here/world" "$@"
    rm -rf "$here/world"
    "$bin/mel-world" "$here/world" "$@"
fi

say "A dataset, and the list of candidates"
if [ ! -f "$here/dataset/mel.db" ]; then
    show mel init "$here/dataset"
    "$bin/mel" init "$here/dataset"
fi
run import "$here/world/list.csv"

say "Fetch: cut exactly, choose stills, measure, decode back, record"
run fetch

say "Near-duplicates by sound, picture and text"
run dedup

say "Passes: each can be looked at first, and undone"
run filter --name silent --where "silence_share > 0.5" --dry-run
pass silent "silence_share > 0.5" "more than half of it is silence"
pass late "gap_s > 0.5" "the container promises sound that is not there"
pass clipped "clipped_share > 0.001" "cut off at full scale"
pass dropouts "dropouts >= 2" "gaps in sounding music"
pass narrow "bandwidth_hz < 8000" "sounds like a telephone"
pass fake-stereo "side_level_db < -40" "one channel sold as two"
pass black "black_share > 0.5" "nothing to see"
pass static "static_share > 0.9" "one picture all the time"
pass twins "duplicate_of_earlier" "the music or the picture of another source"

say "Suggestions: a measured tempo and the list's labels, beside the answers and never among them"
run suggest tempo --where included
run suggest labels --where included
run suggest report

say "Annotations, as 'mel annotate' takes them from a script"
run annotate --from "$here/world/annotations.jsonl"

pass contradictory "relevance = 'contradictory'" "musicians: the picture contradicts the music"

say "A split that no group of duplicates, source or channel crosses"
run split --name base --train .75 --val .05 --test .2 --stratify genre

say "Exports"
for format in webdataset parquet; do
    run export --split base --format $format --force "$here/exports/$format"
done
for format in jsonl csv melfusion; do
    run export --split base --format $format --link --force "$here/exports/$format"
done

say "Verify: every file, hash, reference and invariant"
run verify

say "What was found of what was planted"
$mel --json list --columns id,source,locator,start_s,state,reason,excluded_by >"$here/clips.jsonl"
$mel --json dedup --list >"$here/duplicates.jsonl"
missed=0 # told at the end, too: models can be trained all the same
python3 tests/demo/grade.py "$here/world" "$here/clips.jsonl" "$here/duplicates.jsonl" \
    >"$here/faults.txt" || missed=1
cat "$here/faults.txt"
curated=$(date +%s)

. tests/demo/train.sh

say "The report of the dataset, and the page of the models"
run stats --html "$here/report.html"
python3 tests/demo/page.py "$here" $((curated - begin)) $(($(date +%s) - curated)) $quick

printf '\nDone in %d s. Open %s\n' $(($(date +%s) - begin)) "$here/index.html"
printf 'Look around:  build/bin/mel -C %s/dataset list\n' "$here"
exit $missed
