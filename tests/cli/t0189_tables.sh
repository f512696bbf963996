#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel evaluate --table: rows of the paper, each by its own training, and its baseline TANGO++.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/small_world.sh"
train_all || exit 1

table() { # table CODE NUMBER FURTHER…
    code=$1 number=$2; shift 2
    run "$code" "$MEL" -C data --json evaluate --table "$number" --split main --side train --model "$PWD/model" \
        --steps 2 --guidance 3 --tokens 24 --limit 3 --runs tables --vggish "$PWD/model/vggish" --cnn14 "$PWD/model/cnn14" \
        --picture-model "$PWD/model/clip" --music-model "$PWD/model/sound" "$@"
}
rows() { # rows EXPRESSION: over the rows of the table, by their names
    /usr/bin/python3 -c "
import json, sys
rows = {row[\"row\"]: row for row in map(json.loads, open(\"out\")) if row.get(\"event\") == \"row\"}
sys.exit(not eval(sys.argv[1]))" "$1" || { echo "not so: $1"; return 1; }
}
expect_success 'a table of the paper is made again, each row by its own training' '
    mkdir -p model/picture_projection && cp projection.json model/picture_projection/config.json &&
    config paper music shards/music ",\"alpha_start\":0.5" && table 0 4 --train paper.json && whole evaluate &&
    rows "len(rows) == 3 and all(row[\"ours\"][\"samples\"] == 3 and row[\"ours\"][\"fad\"] > 0 and 0 < row[\"ours\"][\"imsm\"] < 1 for row in rows.values())" &&
    rows "rows[\"both\"][\"paper\"][\"fad\"] == 1.05 and rows[\"text only\"][\"paper\"][\"imsm\"] is None" &&
    rows "len({row[\"ours\"][\"fad\"] for row in rows.values()}) == 3" && [ ! -e tables/trained/text/whole/synapse.json ]
'
expect_success 'it goes on where it was: nothing is made twice, one sound anew where one is gone' '
    cp out first-rows && find tables -type f | sort | xargs sha256sum > before && table 0 4 --train paper.json && cmp out first-rows &&
    find tables -type f | sort | xargs sha256sum | cmp - before && gone=$(ls tables/made/as-told-both-2-3/samples/*.wav | head -1) &&
    rm "$gone" "$gone.json" tables/made/as-told-both-2-3/evaluation.json && table 0 4 --train paper.json && cmp out first-rows &&
    find tables -type f | sort | xargs sha256sum | cmp - before
'
expect_success 'the baseline stands in its table' '
    table 0 1 --train paper.json && rows "rows[\"TANGO++\"][\"ours\"][\"fad\"] != rows[\"MeLFusion\"][\"ours\"][\"fad\"] and rows[\"TANGO++\"][\"paper\"][\"fad\"] == 2.93"
'
expect_success 'rows that are not ours, or want a training, are left out and say so' '
    table 0 2 --runs others && rows "sum(row[\"left_out\"] is None for row in rows.values()) == 1 and \"--train\" in rows[\"one α, encoder\"][\"left_out\"]" &&
    table 0 1 --runs others && rows "\"not part\" in rows[\"MusicLM\"][\"left_out\"] and rows[\"MeLFusion\"][\"ours\"][\"fad\"] > 0" &&
    table 0 6 --runs others --limit 1 --steps 1 --guidance 1 && rows "any(row[\"left_out\"] for row in rows.values())" &&
    table 1 4 --train paper.json --seed 5 && has err "made otherwise" && table 2 8 && has err "1 to 7" &&
    table 2 4 --samples . && has err "own sounds" && table 2 4 --paper mine && has err "musiccaps"
'
expect_success 'TANGO++, the baseline, is trained and makes music of a picture and a text' '
    cp -r model tango && mkdir -p tango/picture_projection && cp projection.json tango/picture_projection/config.json &&
    config tango tango++ shards/music ",\"image_dropout\":0.2" && run 0 "$MEL" --json train tango.json --set model=tango --set sample_every=6 &&
    grep -q contrast runs/tango/metrics.jsonl && [ -s tango/picture_projection/model.safetensors ] && ls runs/tango/samples/step-00000006 | grep -q made &&
    tango() { run 0 "$MEL" --json generate --model tango --tokens 24 --steps 3 --text drums "$@"; } &&
    tango --image "$image" --out t1.wav && tango --out t2.wav && ! cmp -s t1.wav t2.wav && tango --image "$image" --out t3.wav && cmp t1.wav t3.wav &&
    tango --image "$image" --guide-by-picture --out t4.wav && ! cmp -s t1.wav t4.wav && grep -q picture_projection t1.wav.json &&
    printf "{\"model_type\":\"melkit_picture_projection\",\"projection_dim\":7,\"cross_attention_dim\":48}" > tango/picture_projection/config.json &&
    rm tango/picture_projection/model.safetensors && run 2 "$MEL" train tango.json --set model=tango --run runs/no && has err "picture_projection"
'
finish
