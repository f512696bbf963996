#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel agree: published examples, answered through mel annotate, come out as published.
. "$(dirname "$0")/lib.sh"
make_dataset --bare data 30 || exit 1
"$MEL" -C data list --columns id | tail -n +2 > ids
clip() { sed -n "$1p" ids; }
answer() { # answer PERSON NUMBER-OF-CLIP FIELD=VALUE...
    person=$1
    id=$(clip "$2")
    shift 2
    for word in "$@"; do
        set -- "$@" --set "$word"
        shift
    done
    "$MEL" -C data annotate "$id" -a "$person" "$@"
}
agree() { code=$1; shift; run "$code" "$MEL" -C data --json agree "$@"; }
# member EVENT FIELD EXPRESSION: of the one line `o` of that event and field ("" = any), to
# three decimals
member() {
    /usr/bin/python3 -c "
import json, sys
lines = [json.loads(line) for line in open('out')]
[o] = [o for o in lines if o['event'] == '$1' and '$2' in ('', o.get('field'))]
value = $3
print('%.3f' % value if isinstance(value, float) else value)"
}
same() { [ "$1" = "$2" ] || { echo "$1 is not $2"; return 1; }; }
more() { member field "$1" "[m['value'] for m in o['more'] if m['statistic'] == '$2'][0]"; }

expect_success 'an empty dataset has nobody to agree, and says so' '
    agree 0 && whole agree && lines out 13 && same "$(member agreement "" "o[\"mean_alpha\"]")" None &&
    same "$(member field genre "o[\"reason\"]")" "nothing was answered by two people" &&
    run 0 "$MEL" -C data agree && has out "not defined" && has err "two people answered"
'

# Krippendorff, four observers of twelve units: as a genre nominal, as a tempo ordinal, as beats
# ratio.
row() { # row PERSON VALUE-OR-0...
    observer=$1
    shift
    unit=0
    for value in "$@"; do
        unit=$((unit + 1))
        [ "$value" -gt 0 ] || continue
        genre=$(echo "jazz rock pop blues metal" | cut -d " " -f "$value")
        tempo=$(echo "very-slow slow moderate fast very-fast" | cut -d " " -f "$value")
        answer "$observer" $unit genre="$genre" tempo="$tempo" bpm=$((40 * value)) || return 1
    done
}
expect_success 'four people answer twelve clips' '
    row ann 1 2 3 3 2 1 4 1 2 0 0 0 && row bob 1 2 3 3 2 2 4 1 2 5 0 3 &&
    row cyd 0 3 3 3 2 3 4 2 2 5 1 0 && row dan 1 2 3 3 2 4 4 1 2 5 1 0
'

expect_success 'alpha is the published one for each type of field' '
    agree 0 && whole agree && lines out 13 &&
    same "$(member field genre "o[\"value\"]")" 0.743 &&
    same "$(member field tempo "o[\"value\"]")" 0.815 &&
    same "$(member field bpm "o[\"value\"]")" 0.797 &&
    same "$(member field genre "(o[\"clips\"], o[\"raters\"])")" "(11, 4)" &&
    same "$(member field genre "o[\"low\"] < o[\"value\"] < o[\"high\"]")" True &&
    same "$(member field mood "(o[\"value\"], o[\"clips\"])")" "(None, 0)"
'

expect_success 'the headline is the mean of the alphas that are defined' '
    agree 0 &&
    same "$(member agreement "" "o[\"alphas\"]")" 3 &&
    same "$(member agreement "" "o[\"mean_alpha\"]")" 0.785 &&
    same "$(member agreement "" "(o[\"people\"], o[\"clips\"], o[\"shared_clips\"])")" "(4, 12, 11)"
'

expect_success 'for people the headline comes first, then words a field' '
    run 0 "$MEL" -C data agree && empty err &&
    [ "$(head -c 15 out)" = "agreement 0.785" ] &&
    matches out "^genre	alpha, nominal	0.743	0[.][0-9]+ to [01][.][0-9]+	11	4	people mostly agree on the genre" &&
    matches out "^tempo	alpha, ordinal	0.815	.*people agree on the tempo" &&
    lines out 14
'

expect_success 'one field comes with every statistic that fits it' '
    run 0 "$MEL" -C data agree --field genre && has out "Gwet" && has out "Cohen" &&
    has out "same number of answers" && lacks out "tempo" &&
    agree 0 --field bpm && lines out 2 && same "$(more bpm "share at twice or half")" 0.076
'

expect_success 'terms say what is common, agreed on and taken for what' '
    agree 0 --field genre && whole agree && lines out 7 &&
    /usr/bin/python3 -c "
import json
terms = {o[\"term\"]: o for o in map(json.loads, open(\"out\")) if o[\"event\"] == \"term\"}
assert list(terms) == [\"rock\", \"pop\", \"jazz\", \"blues\", \"metal\"], terms
assert sum(o[\"answers\"] for o in terms.values()) == 40
assert abs(terms[\"rock\"][\"share\"] - 13 / 40) < 1e-9
assert terms[\"metal\"][\"alpha\"] == 1 and terms[\"metal\"][\"confused_with\"] is None, terms
assert (terms[\"jazz\"][\"confused_with\"], terms[\"jazz\"][\"confused_pairs\"]) == (\"rock\", 4), terms" &&
    run 0 "$MEL" -C data agree --field genre && matches out "^jazz	9	0.225	.*	rock .4.$"
'

expect_success 'a field that is not there, a wrong grouping, a wrong condition are refused' '
    agree 2 --field gender && has err "did you mean '\''genre'\''" && agree 2 --by month &&
    agree 2 --bootstrap -1 && agree 2 --where "no_column" && agree 2 --where "1) OR (1"
'

expect_success 'the same seed gives the same interval, another one another; none is asked for none' '
    agree 0 --field tempo --bootstrap 200 --seed 4 && cp out first &&
    agree 0 --field tempo --bootstrap 200 --seed 4 && cmp out first &&
    agree 0 --field tempo --bootstrap 200 --seed 5 && tail -n 1 out > other &&
    tail -n 1 first > of_first && ! cmp -s other of_first &&
    agree 0 --field tempo --bootstrap 0 && same "$(member field tempo "o[\"low\"]")" None &&
    same "$(member field tempo "o[\"value\"]")" 0.815
'

expect_success 'drafts, lists and answers under a condition that is not met do not count' '
    "$MEL" -C data annotate "$(clip 1)" -a eve --set genre=metal --draft &&
    agree 0 && same "$(member field genre "o[\"value\"]")" 0.743 &&
    agree 0 --where "id <> '\''$(clip 6)'\''" && same "$(member field genre "o[\"clips\"]")" 10 &&
    agree 0 --where "0" && same "$(member agreement "" "o[\"people\"]")" 0
'

# Two coders of eleven items with sets of labels (stats.stackexchange.com 407453).
expect_success 'sets agree by MASI, as in the known example' '
    n=13 &&
    for pair in happy,sad:happy happy,sad:happy,sad happy:happy calm:calm calm:happy,calm dark:dark \
        sad:dark happy,sad:happy happy,sad:happy,sad,calm happy:happy happy:happy; do
        answer gus $n mood="${pair%%:*}" && answer hal $n mood="${pair#*:}" || exit 1
        n=$((n + 1))
    done &&
    agree 0 --field mood && same "$(member field mood "o[\"value\"]")" 0.540 &&
    same "$(more mood "alpha, Jaccard")" 0.602 && same "$(more mood "alpha, whole sets")" 0.439 &&
    agree 0 && same "$(member field mood "o[\"clips\"]")" 11 &&
    same "$(member field genre "o[\"value\"]")" 0.743
'

expect_success 'the frame agrees within half a second' '
    make_dataset film 40 &&
    id=$("$MEL" -C film list --view triplets --columns id --limit 1 | tail -n 1) &&
    "$MEL" -C film annotate "$id" -a ann --set frame=0 &&
    "$MEL" -C film annotate "$id" -a bob --set frame=1 &&
    run 0 "$MEL" -C film --json agree --field frame --where "id = '\''$id'\''" && whole agree &&
    has out "share within 0.5 s"
'

expect_success 'each person is compared with the rest, and by month where there are several' '
    agree 0 --by annotator && whole agree && lacks out "\"event\":\"field\"" &&
    /usr/bin/python3 -c "
import json
lines = [json.loads(line) for line in open(\"out\")]
genre = {o[\"annotator\"]: o for o in lines[1:] if o[\"field\"] == \"genre\"}
assert sorted(genre) == [\"ann\", \"bob\", \"cyd\", \"dan\"], genre
assert genre[\"cyd\"][\"value\"] == min(o[\"value\"] for o in genre.values()), genre
assert all(o[\"month\"] is None for o in lines[1:])" &&
    /usr/bin/python3 -c "
import sqlite3
db = sqlite3.connect(\"data/mel.db\")
db.execute(\"UPDATE annotation SET created_at = \" +
           \"'\''2026-01'\'' || substr(created_at, 8) WHERE annotator_id = '\''ann'\'' AND genre = '\''jazz'\''\")
db.commit()" &&
    agree 0 --by annotator --field genre && whole agree &&
    [ "$(grep -c "\"annotator\":\"ann\"" out)" -eq 3 ] && has out "\"month\":\"2026-01\"" &&
    [ "$(grep -c "\"annotator\":\"bob\"" out)" -eq 1 ] &&
    run 0 "$MEL" -C data agree --by annotator && matches out "^ann	genre	the rest	2026-01	"
'

expect_success 'a retest is compared with the same person and with nobody else' '
    agree 0 && cp out before &&
    answer ann~retest 1 genre=jazz && answer ann~retest 2 genre=rock &&
    answer ann~retest 3 genre=metal && answer ann~retest 7 genre=blues &&
    agree 0 && cmp out before &&
    agree 0 --by annotator && whole agree &&
    same "$(member retest genre "(o[\"annotator\"], o[\"clips\"], o[\"same_share\"])")" "('\''ann'\'', 4, 0.75)" &&
    run 0 "$MEL" -C data list --where "id = '\''$(clip 11)'\''" --columns annotation_count &&
    matches out "^2$"
'

expect_success 'help names the thresholds and what people reach' '
    run 0 "$MEL" agree --help && has out "0.667" && has out "47 to 52 %" && has out "a quarter"
'
finish
