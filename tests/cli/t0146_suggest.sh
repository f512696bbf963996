#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel suggest: tempi from real sound, terms for labels, lines of a model; none of it is an answer.
. "$(dirname "$0")/lib.sh"
"$(dirname "$MEL")/mel-world" world --sources 2 --faulty 0 --seconds 11 --size 160x90 > /dev/null &&
    "$MEL" -q init data && { "$MEL" -q -C data import world/list.csv 2> /dev/null || [ $? = 3 ]; } &&
    { "$MEL" -q -C data fetch 2> /dev/null || [ $? = 3 ]; } || exit 1
suggest() { code=$1; shift; run "$code" "$MEL" -C data --json suggest "$@"; }
"$MEL" -C data list --columns id --where "state = 'ready'" | tail -n +2 > ids
id=$(head -n 1 ids)
everything() { # what the others see
    "$MEL" -C data list --view annotations && "$MEL" -C data list --view triplets &&
        "$MEL" -C data list --where "state <> 'gone'" && "$MEL" -C data --json agree &&
        "$MEL" -C data --json stats | sed 's/"taken_at":"[^"]*"//'
}
everything > before 2> /dev/null

expect_success 'nothing is suggested at first, and that is no mistake' '
    suggest 0 report && empty out && run 0 "$MEL" -C data suggest report && lines out 1
'

expect_success 'a tempo is measured and is that of the music' '
    suggest 0 tempo && whole suggest && has out "\"event\":\"suggested\"" &&
    /usr/bin/python3 -c "
import json, sqlite3
db = sqlite3.connect(\"data/mel.db\")
rows = db.execute(\"SELECT s.value_json, l.value FROM suggestion AS s JOIN label AS l\"
                  \" ON l.clip_id = s.clip_id AND l.scheme = '\''tempo_bpm'\'' WHERE s.field = '\''bpm'\''\").fetchall()
assert rows
for got, true in rows:
    ratio = json.loads(got) / float(true)
    assert min(abs(ratio / r - 1) for r in (1, 2, 1 / 2, 3 / 2, 2 / 3)) < 0.04, (got, true)"
'

expect_success 'doing it again adds nothing, and a condition chooses clips' '
    suggest 0 tempo && has out "\"added\":0" && has out "\"withdrawn\":0" &&
    suggest 0 tempo --where "id = '\''$id'\''" && has out "\"items\":1," &&
    suggest 2 tempo --where "no_column = 1"
'

expect_success 'the labels of the lists are translated' '
    suggest 0 labels && whole suggest && lacks out "\"added\":0" &&
    suggest 0 report && has out "\"origin\":\"labels/genre\"" && has out "\"origin\":\"labels/mood\""
'

expect_success 'a clip without sound is told, and the others are done' '
    cp -r data silent &&
    rm "silent/$(/usr/bin/python3 -c "
import sqlite3
print(sqlite3.connect(\"data/mel.db\").execute(
    \"SELECT path FROM media WHERE role = '\''audio'\'' ORDER BY clip_id\").fetchone()[0])")" &&
    run 3 "$MEL" -C silent --json suggest tempo && whole suggest && has out "\"event\":\"failed\"" &&
    has out "\"failed\":1"
'

expect_success 'bad lines of a model are named by their number, the good ones kept' '
    cat > model.jsonl << END &&
{"clip": "$id", "field": "genre", "value": "Jazz", "origin": "tagger 2"}
{"clip": "$id", "field": "genre", "value": "jaz", "origin": "tagger 2"}
{"clip": "nowhere:0", "field": "genre", "value": "jazz", "origin": "tagger 2"}
{"clip": "$id", "field": "mood", "value": ["calm", "sad"], "origin": "tagger 2"}
{"clip": "$id", "field": "text", "value": "A song.", "origin": "tagger 2"}
half a li
END
    suggest 3 import model.jsonl && whole suggest && lines out 5 &&
    has out "\"line\":2" && has out "\"line\":3" && has out "\"line\":5" && has out "\"line\":6" &&
    has out "\"added\":2,\"known\":0,\"withdrawn\":0,\"failed\":4" &&
    run 3 "$MEL" -C data suggest import model.jsonl && empty out &&
    has err "model.jsonl:2: " && has err "jazz" &&
    suggest 1 import nowhere.jsonl
'

expect_success 'the report has a row a field and origin' '
    suggest 0 report && whole suggest &&
    has out "{\"event\":\"used\",\"field\":\"genre\",\"origin\":\"tagger 2\",\"suggestions\":1,\"shown\":0,\"accepted\":0,\"edited\":0,\"ignored\":0}" &&
    run 0 "$MEL" -C data suggest report && matches out "^mood	tagger 2	1	0	0	0	0$"
'

expect_success 'mel show lists what stands suggested for a clip' '
    run 0 "$MEL" -C data show "$id" && has out "Suggestions (no answers)" &&
    matches out "^  genre +jazz, by tagger 2, 20" && matches out "^  mood +calm, sad, by tagger 2, " &&
    run 0 "$MEL" -C data --json show "$id" && whole show &&
    /usr/bin/python3 -c "
import json
clip = json.load(open(\"out\"))
said = {s[\"field\"]: json.loads(s[\"value_json\"]) for s in clip[\"suggestions\"]
        if s[\"origin\"] == \"tagger 2\"}
assert said == {\"genre\": \"jazz\", \"mood\": [\"calm\", \"sad\"]}, said" &&
    echo "{\"clip\": \"$id\", \"field\": \"genre\", \"value\": null, \"origin\": \"tagger 2\"}" > gone.jsonl &&
    suggest 0 import gone.jsonl && run 0 "$MEL" -C data show "$id" && has out "calm, sad" &&
    lacks out "jazz, by tagger 2"
'

expect_success 'no view, no agreement and no count has changed' '
    everything > after 2> /dev/null && [ -s before ] && cmp before after
'

expect_success 'an offline packet carries them along' '
    "$MEL" -q -C data assign --where "id = '\''$id'\''" --to anna --batch first &&
    run 0 "$MEL" -C data pack --annotator anna packet && run 0 "$MEL" -C packet --json suggest report &&
    has out "tagger 2"
'

expect_success 'what makes no sense is refused with a word about what does' '
    suggest 2 temp && has err "did you mean" && suggest 2 import && suggest 2 tempo now &&
    suggest 2 && suggest 2 report --where "1" && run 0 "$MEL" suggest --help &&
    has out "never an answer" && run 0 "$MEL" completion && has out "suggest"
'
finish
