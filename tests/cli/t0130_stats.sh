#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel stats: numbers that agree with the lists, as text and as JSON.
. "$(dirname "$0")/lib.sh"
make_dataset data 120 || exit 1
"$MEL" -C data --json stats > stats.json || exit 1
count() { "$MEL" -C data list --view "${2:-clips}" --where "$1" --count; }
# number PATH: a member of the object, as ['clips']['ready']
number() {
    /usr/bin/python3 -c "import json; print(json.load(open('stats.json'))$1)"
}
same() { [ "$1" = "$2" ] || { echo "$1 is not $2"; return 1; }; }

expect_success 'the object is as the schema says' 'whole stats stats.json && lines stats.json 1'

expect_success 'the counts are those of the lists' '
    same "$(number "[\"clips\"][\"total\"]")" 120 &&
    same "$(number "[\"clips\"][\"ready\"]")" "$(count "state = '\''ready'\''")" &&
    same "$(number "[\"clips\"][\"failed\"]")" "$(count "state = '\''failed'\''")" &&
    same "$(number "[\"clips\"][\"included\"]")" "$(count "state = '\''ready'\'' AND included")" &&
    same "$(number "[\"clips\"][\"disputed\"]")" "$(count "settled_state = '\''disputed'\''")" &&
    same "$(number "[\"triplets\"][\"included\"]")" "$(count included triplets)" &&
    same "$(number "[\"genres\"][\"jazz\"]")" "$(count "genre = '\''jazz'\'' AND state = '\''ready'\''")" &&
    same "$(number "[\"splits\"][0][\"sides\"][\"train\"]")" "$(count "side = '\''train'\''" splits)" &&
    same "$(number "[\"sources\"][\"total\"]")" 80
'

expect_success 'every step of the funnel is a part of the one before' '
    /usr/bin/python3 -c "
import json
counts = [stage[\"count\"] for stage in json.load(open(\"stats.json\"))[\"funnel\"]]
assert len(counts) == 6 and counts == sorted(counts, reverse=True) and counts[-1] > 0, counts"
'

expect_success 'quantiles are those of the values themselves' '
    "$MEL" -C data list --where "state = '\''ready'\'' AND loudness_lufs IS NOT NULL" \
        --columns loudness_lufs | tail -n +2 > values &&
    /usr/bin/python3 -c "
import json, statistics
values = sorted(float(line) for line in open(\"values\"))
said = json.load(open(\"stats.json\"))[\"distributions\"][\"loudness_lufs\"]
assert said[\"known\"] == len(values)
for name, p in ((\"min\", 0), (\"p5\", 0.05), (\"median\", 0.5), (\"p95\", 0.95), (\"max\", 1)):
    at = p * (len(values) - 1)
    low = int(at)
    wanted = values[low] + (at - low) * (values[min(low + 1, len(values) - 1)] - values[low])
    assert abs(said[name] - wanted) < 1e-6, (name, said[name], wanted)
assert abs(said[\"mean\"] - statistics.fmean(values)) < 1e-6"
'

expect_success 'failures are grouped with meaning and advice' '
    /usr/bin/python3 -c "
import json
stats = json.load(open(\"stats.json\"))
assert sum(f[\"count\"] for f in stats[\"failures\"]) == stats[\"clips\"][\"failed\"]
assert all(f[\"meaning\"].endswith(\".\") and f[\"advice\"].endswith(\".\") for f in stats[\"failures\"])
counts = [f[\"count\"] for f in stats[\"failures\"]]
assert counts == sorted(counts, reverse=True)"
'

expect_success 'duplicate groups are connected components' '
    /usr/bin/python3 -c "
import json
d = json.load(open(\"stats.json\"))[\"duplicates\"]
assert d[\"groups\"] == len(d[\"largest\"]) and d[\"clips\"] == sum(g[\"size\"] for g in d[\"largest\"])
assert d[\"largest\"][0][\"size\"] == 3, d
for g in d[\"largest\"]:
    assert g[\"audio_edges\"] + g[\"picture_edges\"] >= g[\"size\"] - 1"
'

expect_success 'for people there are sections with the same numbers' '
    run 0 "$MEL" -C data stats && empty err &&
    matches out "^clips +120 " && has out "From candidates to triplets" && has out "Failed clips" &&
    has out "Genres of settled clips" && has out "(undone)" && matches out "^  main +train [0-9]+ val"
'

expect_success 'what somebody was asked again is no second person' '
    make_dataset --bare again 4 &&
    clip=$("$MEL" -C again list --where "state = '\''ready'\''" --columns id -n 1 | tail -n 1) &&
    for who in zoe zoe~retest; do
        run 0 "$MEL" -C again annotate "$clip" -a $who --set genre=Jazz || exit 1
    done &&
    run 0 "$MEL" -C again --json stats && whole stats && cp out stats.json &&
    same "$(number "[\"annotators\"]" | tr -d "\n" | grep -o zoe | wc -l)" 1 &&
    same "$(number "[\"annotators\"][0][\"submitted\"]")" 1 &&
    same "$(number "[\"annotators\"][0][\"retests\"]")" 1 &&
    run 0 "$MEL" -C again stats && lacks out "~retest" && matches out "^  zoe +1 +0 +0 +1  person$" &&
    run 0 "$MEL" -C again show "$clip" && lacks out "~retest" && has out "zoe (asked again, person)" &&
    run 0 "$MEL" -C again stats --html page.html && lacks page.html "~retest"
'

expect_success 'an empty dataset has numbers too' '
    make_dataset --bare none 0 &&
    run 0 "$MEL" -C none --json stats && whole stats &&
    run 0 "$MEL" -C none stats && matches out "^clips +0 "
'

expect_success 'sound without a page makes no sense' '
    run 2 "$MEL" -C data stats --with-audio && empty out && has err "--with-audio"
'
finish
