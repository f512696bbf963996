#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main job of a dataset maintainer, on a world of real video files with planted faults. Every step
# may be repeated: a second run goes on where the first one stopped.
#
#   ./do demo [--fresh] [--sources N]
set -eu

sources=60
while [ $# -gt 0 ]; do
    case $1 in
    --fresh) rm -rf demo ;;
    --sources) sources=$2; shift ;;
    *) echo "demo: there is no option '$1' (--fresh, --sources N)" >&2; exit 2 ;;
    esac
    shift
done

bin=build/bin
here=demo
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
    show mel-world "$here/world" --sources "$sources"
    rm -rf "$here/world"
    "$bin/mel-world" "$here/world" --sources "$sources"
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
pass fake-stereo "side_level_db < -50" "one channel sold as two"
pass black "black_share > 0.5" "nothing to see"
pass static "static_share > 0.9" "one picture all the time"
pass twins "duplicate_of_earlier" "the music or the picture of another source"

say "Annotations, as 'mel annotate' takes them from a script"
run annotate --from "$here/world/annotations.jsonl"

say "A split that no group of duplicates, source or channel crosses"
run split --name base --train .7 --val .15 --test .15 --stratify genre

say "Purity (IMSM): do picture and music mean the same text?"
if [ ! -d "$here/dataset/models/clip" ]; then
    show mel-small-models "$here/dataset/models"
    "$bin/mel-small-models" "$here/dataset/models" tests/data/tokenizers
fi
run score imsm --picture-model clip --music-model clap
echo "    These networks have the published architectures, small, and random weights: they show that" >&2
echo "    the scoring works, and their numbers mean nothing. With the real ones: mel model pull" >&2
echo "    openai/clip-vit-base-patch32 laion/clap-htsat-unfused, and mel score imsm." >&2

say "Exports"
for format in webdataset parquet jsonl csv melfusion; do
    run export --split base --format $format --force "$here/exports/$format"
done

say "Verify: every file, hash, reference and invariant"
run verify

say "The report"
run stats --html "$here/report.html"

say "What was found of what was planted"
$mel --json list --columns id,source,locator,start_s,state,reason,excluded_by >"$here/clips.jsonl"
$mel --json dedup --list >"$here/duplicates.jsonl"
python3 tests/demo_grade.py "$here/world" "$here/clips.jsonl" "$here/duplicates.jsonl"

printf '\nDone in %d s. Open %s\n' $(($(date +%s) - begin)) "demo/report.html"
printf 'Look around:  build/bin/mel -C demo/dataset list\n'
