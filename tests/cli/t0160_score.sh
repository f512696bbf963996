#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel score: purity and similarity by small models with random weights.
. "$(dirname "$0")/lib.sh"
make_dataset data 60 || exit 1
"$SMALL_MODELS" models "$MEL_SOURCE/tests/data/tokenizers" || exit 1
MELKIT_MODELS=$PWD/models
export MELKIT_MODELS
score() { code=$1; shift; run "$code" "$MEL" -C data --json score "$@" --picture-model clip; }
value() { # value KEY: of the last JSON line in out
    /usr/bin/python3 -c "import json, sys; print(json.loads(open('out').readlines()[-1])[sys.argv[1]])" "$1"
}
triplets=$("$MEL" -C data --json list --view triplets --where included --count | sed "s/.*://; s/}//")

expect_success 'purity is recorded for every triplet that is in' '
    [ "$triplets" -gt 10 ] &&
    score 0 imsm --music-model clap && whole score && [ "$(value triplets)" = "$triplets" ] &&
    [ "$(value recorded)" = "$triplets" ] &&
    run 0 "$MEL" -C data --json list --view triplets --where "included AND imsm BETWEEN 0 AND 1" --count &&
    has out ":$triplets" &&
    run 0 "$MEL" -C data --json list --view scores --where "name = '\''imsm'\'' AND is_current AND bank LIKE '\''bank-%'\''" --count &&
    has out ":$triplets"
'

expect_success 'it is the diagonal of the product of the two softmaxes' '
    /usr/bin/python3 - <<PY
import array, hashlib, math, sqlite3
cache = sqlite3.connect("data/cache/embeddings.db")
store = sqlite3.connect("file:data/mel.db?mode=ro", uri=True)
rows = store.execute("SELECT image_sha256, audio_sha256, text, imsm FROM triplets WHERE included ORDER BY id").fetchall()
table = {}
for model, side, content, row in cache.execute("SELECT model, side, content_sha256, row FROM embedding"):
    table[len(row), side, content] = array.array("f", row)
clip, clap = 32 * 4, 24 * 4
text = [hashlib.sha256(r[2].encode()).hexdigest() for r in rows]
def softmax(query, keys, scale):
    logits = [scale * sum(a * b for a, b in zip(query, key)) for key in keys]
    top = max(logits)
    powers = [math.exp(x - top) for x in logits]
    return [p / sum(powers) for p in powers]
for i, (picture, sound, _, imsm) in enumerate(rows):
    p = softmax(table[clip, "picture", picture], [table[clip, "text", t] for t in text], 100)
    q = softmax(table[clap, "sound", sound], [table[clap, "text", t] for t in text], 20)
    wanted = sum(a * b for a, b in zip(p, q))
    assert abs(wanted - imsm) < 1e-5, (i, wanted, imsm)
print(len(rows), "compared")
PY
'

expect_success 'what was computed once is not computed again, and the same is not recorded twice' '
    score 0 imsm --music-model clap && [ "$(value embeddings_computed)" = 0 ] &&
    [ "$(value recorded)" = 0 ]
'

expect_success 'a run over some leaves the rest to the next' '
    rm -rf data/cache &&
    half=$("$MEL" -C data --json list --view triplets --where "included AND id < '\''yt-00000000030'\''" --count | sed "s/.*://; s/}//") &&
    score 0 clip --where "included AND id < '\''yt-00000000030'\''" &&
    some=$(value embeddings_computed) && [ "$some" -gt 0 ] && [ "$half" -lt "$triplets" ] &&
    score 0 clip && rest=$(value embeddings_computed) && [ "$rest" -gt 0 ] &&
    score 0 clip && [ "$(value embeddings_computed)" = 0 ] && [ "$(value recorded)" = 0 ]
'

expect_success 'clip and clap are cosines, a sound tower takes the texts of its CLIP' '
    score 0 clip && whole score && [ "$(value bank)" = None ] &&
    score 0 clap --music-model clap && whole score &&
    run 0 "$MEL" -C data --json list --view triplets --where "included AND clip_score BETWEEN -1 AND 1 AND clap_score BETWEEN -1 AND 1" --count &&
    has out ":$triplets" &&
    score 0 imsm --music-model sound && [ "$(value model)" = "clip + sound" ] &&
    [ "$(value recorded)" = "$triplets" ]
'

expect_success 'another bank is another number, and is told apart' '
    score 0 imsm --music-model clap --bank "included AND id < '\''yt-00000000030'\''" &&
    [ "$(value recorded)" = "$triplets" ] && first=$(value bank) &&
    score 0 imsm --music-model clap && [ "$(value bank)" != "$first" ]
'

expect_success 'a dry run records nothing; a purity pass follows' '
    score 0 imsm --music-model sound --dry-run && has out would_score && [ "$(value recorded)" = 0 ] &&
    run 0 "$MEL" -C data --json filter --name purity --where "imsm < 0.001" --dry-run && valid filter
'

expect_success 'a picture that is gone fails alone' '
    victim=$("$MEL" -C data list --view triplets --where included --columns image_path --limit 1 | tail -n 1) &&
    rm "data/$victim" && rm -rf data/cache &&
    score 3 imsm --music-model clap && whole score && [ "$(value failed)" = 1 ] &&
    [ "$(value triplets)" = $((triplets - 1)) ] && has err "is not there" || has err "cannot open"
'

expect_success 'what cannot be done is said' '
    score 2 beauty && has err "clip, clap, imsm" &&
    score 1 imsm --music-model nowhere && has err "no model '\''nowhere'\''" && has err "mel model pull" &&
    score 2 imsm --music-model clip && has err "knows no sounds" &&
    score 2 imsm --where "no_such_column > 1" --music-model clap && has err no_such_column &&
    score 1 imsm --where "id = '\'''\''" --music-model clap && has err "no triplet" &&
    printf "{\"model_type\":\"bert\"}" > models/clip/config.json &&
    score 1 clip && has err "model_type '\''bert'\''"
'

finish
