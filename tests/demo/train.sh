# SPDX-License-Identifier: Apache-2.0
# The second half of the demo: networks of the published architectures, small, trained from nothing on
# the world's training side; the test side is heard by none of them. Sourced by run.sh.

model=$here/model

prepare() { # prepare FOLDER SIDE FURTHER…: shards of one side of the split
    folder=$here/shards/$1 side=$2
    shift 2
    if [ -f "$folder/index.json" ]; then return; fi
    run prepare --split base --side "$side" "$@" "$folder"
}
train() { # train NAME FURTHER…: by tests/demo/NAME.json, or its share of steps
    name=$1
    shift
    if [ -f "$here/runs/$name/done" ]; then return; fi
    length=$(sed -n 's/.*"steps": \([0-9]*\).*/\1/p' "tests/demo/$name.json")
    set -- "tests/demo/$name.json" --set steps=$((length / share)) --run "$here/runs/$name" "$@"
    if [ -d "$here/runs/$name" ]; then set -- "$@" --resume; fi
    show mel train "$@"
    "$bin/mel" train "$@"
    touch "$here/runs/$name/done"
}

say "A model's folder: configurations, and no weights yet"
if [ ! -d "$model" ]; then
    cp -r tests/demo/model "$model"
    cp tests/data/tokenizers/clip/vocab.json tests/data/tokenizers/clip/merges.txt "$model/clip"
    ln -s clip "$model/text_encoder"
    ln -s clip "$model/image_text_encoder"
fi
ls "$model" | tr '\n' ' ' | sed 's/^/    /' >&2
echo >&2

say "Purity: CLIP on pictures and moods, taggers that judge music, a tower of sounds in CLIP's space"
for side in train val; do
    suffix=$([ $side = train ] || echo -$side)
    prepare "moods$suffix" $side --for media --picture 64 --text "Mood: {moods}."
    prepare "tags$suffix" $side --for media --picture 64 --text "{genre}, {moods}"
done
train clip
train cnn14
train vggish
train sound

say "IMSM: do picture and music mean the same? Held-out pairs, and the mismatched ones"
held="id IN (SELECT id FROM splits WHERE split = 'base' AND side = 'test') OR relevance = 'contradictory'"
run score imsm --where "$held" --text "Mood: {moods}." --picture-model "$PWD/$model/clip" \
    --music-model "$PWD/$model/sound"
$mel --json list --view triplets --columns id,imsm,relevance --where "$held" >"$here/purity.jsonl"
python3 tests/demo/purity.py "$here/purity.jsonl"

say "The image model: an autoencoder, then diffusion in its latents"
train image_vae
for side in train val; do
    prepare "image$([ $side = train ] || echo -$side)" $side --for image --picture 64 --model "$PWD/$model"
done
train image

say "A held-out picture into noise and back (DDIM, 50 steps), by both ways of counting time"
$mel --json list --view triplets --columns id,image_path,text,moods,genre \
    --where "id IN (SELECT id FROM splits WHERE split = 'base' AND side = 'test')" >"$here/held-out.jsonl"
if [ ! -f "$here/reconstructed.jsonl" ]; then
    sed -n 's/.*"image_path":"\([^"]*\)".*/\1/p' "$here/held-out.jsonl" | head -4 | while read -r picture; do
        for way in before at; do
            "$bin/mel" --json latent reconstruct "$here/dataset/$picture" --model "$model" --steps 50 \
                --convention $way | sed "s/^{/{\"convention\":\"$way\",/"
        done
    done >"$here/reconstructed.tmp"
    mv "$here/reconstructed.tmp" "$here/reconstructed.jsonl"
fi
python3 tests/demo/page.py --reconstructed "$here/reconstructed.jsonl"

say "The music model: an autoencoder of spectrograms, then diffusion with the visual synapse"
train vae
for side in train val; do
    prepare "music$([ $side = train ] || echo -$side)" $side --for music --picture 64 --steps 25 \
        --tokens 40 --model "$PWD/$model"
done
train music

say "Music for held-out pictures and texts: text only, image only, both, both guided; $seeds seed(s)"
generate() { # generate NAME KINDS FURTHER…: into generated/SEED/KIND
    requests=$here/requests-$1.jsonl made=$here/generated-$1.done kinds=$2
    shift 2
    if [ -f "$made" ]; then return; fi
    # shellcheck disable=SC2086
    python3 tests/demo/requests.py "$here" $held_out $seeds $kinds >"$requests"
    set -- --model "$model" --tokens 40 --sampler dpm++ --steps 15 --guidance 4.5 --batch "$requests" "$@"
    show mel generate "$@"
    "$bin/mel" -q generate "$@"
    touch "$made"
}
generate plain "text image both"
generate guided guided --guide-by-picture

say "Table 4 in small: FAD, FD, KL and IMSM beside the held-out music"
for seed in $(seq $seeds); do
    for kind in text image both guided; do
        out=$here/evaluated/$seed-$kind.json
        if [ -f "$out" ]; then continue; fi
        mkdir -p "$here/evaluated"
        $mel --json evaluate --samples "$here/generated/$seed/$kind" --split base --side test --imsm --peak 0.5 \
            --text "Mood: {moods}." --vggish "$PWD/$model/vggish" --cnn14 "$PWD/$model/cnn14" \
            --picture-model "$PWD/$model/clip" --music-model "$PWD/$model/sound" >"$out.tmp"
        mv "$out.tmp" "$out"
    done
done
python3 tests/demo/page.py --table "$here"
