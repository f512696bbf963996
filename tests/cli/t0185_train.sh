#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel prepare, train, generate: the whole way with networks so small that a step takes milliseconds.
. "$(dirname "$0")/lib.sh"
make_dataset data 40 || exit 1
"$SMALL_MODELS" models "$MEL_SOURCE/tests/data/tokenizers" || exit 1

part() { # part NAME FILE TEXT: into model/NAME/FILE
    mkdir -p "model/$1" && printf '%s' "$3" > "model/$1/$2"
}
vae='"_class_name":"AutoencoderKL","block_out_channels":[4,8,8],"layers_per_block":1,"norm_num_groups":4'
unet='"_class_name":"UNet2DConditionModel","cross_attention_dim":48,"block_out_channels":[8,16],"layers_per_block":1,"norm_num_groups":4,"attention_head_dim":2,"use_linear_projection":true,"down_block_types":["CrossAttnDownBlock2D","DownBlock2D"]'
schedule='{"beta_schedule":"scaled_linear","beta_start":0.00085,"beta_end":0.012,"num_train_timesteps":1000,"prediction_type":"v_prediction"}'
part vae config.json "{$vae,\"in_channels\":1,\"out_channels\":1,\"latent_channels\":4}"
part image_vae config.json "{$vae,\"in_channels\":3,\"out_channels\":3,\"latent_channels\":4}"
part unet config.json "{$unet,\"in_channels\":4,\"out_channels\":4}"
part image_unet config.json "{$unet,\"in_channels\":4,\"out_channels\":4,\"sample_size\":8}"
part scheduler scheduler_config.json "$schedule"
part image_scheduler scheduler_config.json "$schedule"
cp -r models/clip models/sound models/cnn14 models/vggish model && rm model/*/model.safetensors
sed -i 's/"embedding":24,"classes":10/"embedding":32,"classes":24/' model/cnn14/config.json
sed -i 's/"embedding":16/"embedding":16,"classes":24/' model/vggish/config.json
ln -s clip model/text_encoder
ln -s clip model/image_text_encoder

config() { # config NAME TARGET DATA FURTHER
    printf '{"target":"%s","data":"%s","model":"model","install":true,"steps":6,"batch":2,"learning_rate":0.002,"checkpoint_every":3,"seed":5%s}' \
        "$2" "$3" "$4" > "$1.json"
}
prepare() { # prepare SET FURTHER…
    set=$1; shift
    run 0 "$MEL" -C data --json prepare --split main --for "$set" --tokens 24 --steps 5 --picture 32 "$@" "shards/$set"
}
generate() { # generate CODE FURTHER…
    code=$1; shift
    run "$code" "$MEL" --json generate --model model --tokens 24 --steps 3 "$@"
}
"$MEL" -C data --json list --view triplets --limit 1 --columns frame_path > frame.json 2>/dev/null || :

expect_success 'a split becomes shards, the same at a second time' '
    prepare media && whole prepare && [ -s shards/media/index.json ] &&
    sha256sum shards/media/* > first && prepare media && sha256sum -c --quiet first
'
expect_success 'a CLIP is trained, then the audio tower in its space, and both give purity' '
    config clip clip shards/media "" && config sound imsm shards/media ",\"ema\":0.5" &&
    run 1 "$MEL" train sound.json && has err "clip" &&
    run 0 "$MEL" --json train clip.json && run 0 "$MEL" --json train sound.json &&
    run 0 "$MEL" -C data --json score imsm --dry-run --picture-model "$PWD/model/clip" --music-model "$PWD/model/sound" && whole score
'
expect_success 'judges are trained on tags, which a template makes of the fields' '
    run 0 "$MEL" -C data --json prepare --split main --for media --picture 32 --text "{genre}, {moods}" shards/tags &&
    run 2 "$MEL" -C data prepare --split main --for media --text "{nope}" shards/no && has err "nope" &&
    run 2 "$MEL" -C data prepare --split main --for media --text "{genre" shards/no && has err "brace" &&
    config cnn14 tagger shards/tags ",\"of\":\"cnn14\",\"seconds\":2" && config vggish tagger shards/tags ",\"of\":\"vggish\",\"seconds\":2" &&
    run 0 "$MEL" --json train cnn14.json && run 0 "$MEL" --json train vggish.json && grep -q labels model/cnn14/config.json &&
    run 0 "$MEL" -C data --json evaluate --samples data/media --reference data/media --vggish "$PWD/model/vggish" --cnn14 "$PWD/model/cnn14" &&
    run 2 "$MEL" train cnn14.json --set seconds && has err "KEY=VALUE" &&
    run 0 "$MEL" --json train cnn14.json --set steps=1 --set install=false --run runs/short && has out "\"steps\":1,"
'
expect_success 'a tower may begin from a judge' '
    cp -r model based && rm based/sound/model.safetensors &&
    config sound2 imsm shards/media ",\"base\":\"cnn14\",\"seconds\":3" &&
    run 0 "$MEL" --json train sound2.json --set model=based --set install=false &&
    run 2 "$MEL" train sound2.json --set model=based --set base=clip --run runs/no && has err "clip"
'
expect_success 'both autoencoders are trained and installed' '
    config ae_image autoencoder shards/media ",\"of\":\"pictures\"" &&
    config ae_sound autoencoder shards/media ",\"of\":\"sounds\",\"crop\":64" &&
    run 0 "$MEL" --json train ae_image.json && whole train && run 0 "$MEL" --json train ae_sound.json &&
    [ -s model/vae/diffusion_pytorch_model.safetensors ] && [ -s runs/ae_image/metrics.jsonl ] &&
    grep -q scaling_factor model/image_vae/config.json
'
expect_success 'a vocoder is trained against its discriminators, which are not kept' '
    mkdir -p voiced && printf "{\"model_type\":\"hifigan\",\"model_in_dim\":64,\"upsample_initial_channel\":32,\"upsample_rates\":[5,4,2,2,2],\"upsample_kernel_sizes\":[16,16,8,4,4],\"resblock_kernel_sizes\":[3],\"resblock_dilation_sizes\":[[1,3,5]]}" > voiced.json &&
    cp -r model/. voiced && mkdir voiced/vocoder && cp voiced.json voiced/vocoder/config.json &&
    config vocoder vocoder shards/media ",\"frames\":16,\"discriminator_width\":4,\"validate\":\"shards/media\"" &&
    run 0 "$MEL" --json train vocoder.json --set model=voiced && [ -s voiced/vocoder/model.safetensors ] &&
    tail -2 runs/vocoder/metrics.jsonl | grep -q discriminators && ! grep -q mpd voiced/vocoder/model.safetensors &&
    run 2 "$MEL" train vocoder.json --set model=voiced --set discriminator_width=6 --run runs/no && has err "multiple of 4"
'
expect_success 'SIGTERM writes a checkpoint, and the run goes on from there' '
    config long autoencoder shards/media ",\"of\":\"pictures\"" && sed -i "s/\"steps\":6/\"steps\":100000/;s/\"install\":true,//;s/checkpoint_every\":3/checkpoint_every\":100000/" long.json &&
    { "$MEL" train long.json > out 2> err & } && child=$! && tries=0 &&
    until [ "$(wc -l < runs/long/metrics.jsonl)" -gt 2 ] || [ $tries -gt 300 ]; do sleep 0.1; tries=$((tries + 1)); done 2>/dev/null;
    kill -TERM $child && code=0 && { wait $child || code=$?; } && [ $code -eq 130 ] && has err "resume" &&
    steps=$(wc -l < runs/long/metrics.jsonl) && [ -d "runs/long/checkpoints/$(printf "step-%08d" "$steps")" ] &&
    sed -i "s/\"steps\":100000/\"steps\":$((steps + 1))/" long.json && run 0 "$MEL" --json train long.json --resume && has out "\"steps\":$((steps + 1))"
'
expect_success 'the image model is trained on latents' '
    prepare image --model model && config image image shards/image "" &&
    run 0 "$MEL" --json train image.json && [ -s model/image_unet/diffusion_pytorch_model.safetensors ]
'
expect_success 'the music model is trained, with its synapse' '
    prepare music --model model && config music music shards/music ",\"alpha_learning_rate\":0.01,\"snr_gamma\":5,\"image_dropout\":0.5" &&
    run 0 "$MEL" --json train music.json &&
    /usr/bin/python3 -c "
import json, struct
file = open(\"model/unet/diffusion_pytorch_model.safetensors\", \"rb\")
header = json.loads(file.read(struct.unpack(\"<Q\", file.read(8))[0]))
assert sum(name.endswith(\"attn2.alpha\") for name in header) == 2, list(header)"
'
expect_success 'on its way a run leaves something to listen to' '
    heard() { # heard RUN BYTES: what was made and what is real, of two items
        [ "$(ls "runs/$1/samples/step-00000002" | grep -c made.wav)" -eq 2 ] && [ "$(ls "runs/$1/samples/step-00000002" | grep -c real.wav)" -eq 2 ] &&
        for sound in "runs/$1/samples/step-00000002"/*; do [ "$(stat -c %s "$sound")" -eq "$2" ] || return 1; done
    } &&
    few="--set steps=4 --set sample_every=2 --set install=false" &&
    run 0 "$MEL" --json train music.json $few --run runs/heard && heard heard $((163840 * 2 + 44)) &&
    run 0 "$MEL" --json train ae_sound.json $few --run runs/heard-ae && heard heard-ae $((64 * 160 * 2 + 44)) &&
    run 0 "$MEL" --json train vocoder.json $few --set model=voiced --run runs/heard-voice && heard heard-voice $((16 * 160 * 2 + 44)) &&
    [ -d runs/heard/samples/step-00000004 ] && run 0 "$MEL" --json train image.json $few --run runs/heard-image
'
expect_success 'shards of another image model are refused' '
    cp -r model other && config image2 image shards/image "" && sed -i "s|\"model\":\"model\"|\"model\":\"other\"|;s/\"seed\":5/\"seed\":6/" image2.json &&
    run 0 "$MEL" train image2.json && config music2 music shards/music "" && sed -i "s|\"model\":\"model\"|\"model\":\"other\"|" music2.json &&
    run 1 "$MEL" train music2.json && has err "another image_unet"
'
image=$(ls data/media/frames/* 2>/dev/null | head -1)
[ -n "$image" ] || image=$(find data/media -name "*.jpg" | head -1)

expect_success 'music from a picture and a text: 10.24 s, and how to make it again' '
    generate 0 --image "$image" --text "a calm piano" --out both.wav && whole generate &&
    [ "$(stat -c %s both.wav)" -eq $((163840 * 2 + 44)) ] &&
    generate 0 --image "$image" --text "a calm piano" --out again.wav && cmp both.wav again.wav &&
    generate 0 --image "$image" --text "a calm piano" --out seed.wav --seed 1 && ! cmp -s both.wav seed.wav &&
    /usr/bin/python3 -c "
import json
line = json.load(open(\"both.wav.json\"))
assert line[\"steps\"] == 3 and len(line[\"models\"][\"unet\"]) == 64 and line[\"image_sha256\"]"
'
expect_success 'a text alone, a picture alone, several, other samplers, FLAC' '
    generate 0 --text "a calm piano" --out text.wav && ! cmp -s both.wav text.wav &&
    generate 0 --image "$image" --out image.wav && ! cmp -s both.wav image.wav &&
    generate 0 --text drums --out many.flac --samples 2 --sampler dpm++ && [ -s many-1.flac ] && [ -s many-2.flac ] && ! cmp -s many-1.flac many-2.flac &&
    generate 0 --image "$image" --text "a calm piano" --out ddpm.wav --sampler ddpm --capture invert
'
expect_success 'of several samples the best comes first, by CLAP or by IMSM' '
    towers="--picture-model $PWD/model/clip --music-model $PWD/model/sound" &&
    generate 0 --text drums --out r.wav --samples 3 --rank clap $towers && whole generate &&
    printf "a calm piano\\nloud drums\\n\\na song\\n" > bank.txt &&
    generate 0 --image "$image" --text drums --out s.wav --samples 2 --rank imsm --bank bank.txt $towers &&
    /usr/bin/python3 -c "
import json
for name, count in ((\"r\", 3), (\"s\", 2)):
    takes = [json.load(open(f\"{name}-{i + 1}.wav.json\")) for i in range(count)]
    scores = [take[\"score\"] for take in takes]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == count, scores
    assert sorted(take[\"sample\"] for take in takes) == list(range(count))" &&
    generate 3 --text drums --out t.wav --samples 2 --rank imsm --bank bank.txt $towers && has err "picture" &&
    generate 2 --text drums --out t.wav --samples 2 --rank imsm $towers && has err "bank" &&
    generate 2 --text drums --out t.wav --rank ear $towers && has err "imsm"
'
expect_success 'a batch looks at each picture once, and a bad request does not stop it' '
    { printf "{\"image\":\"%s\",\"text\":\"a calm piano\",\"out\":\"b1.wav\"}\n" "$image"
      printf "{\"image\":\"%s\",\"text\":\"loud drums and a very long line of words\",\"out\":\"b2.wav\"}\n" "$image"
      echo "{\"image\":\"nowhere.jpg\",\"text\":\"x\",\"out\":\"b3.wav\"}"
      printf "{\"image\":\"%s\",\"text\":\"a calm piano\",\"out\":\"b5.wav\",\"seed\":1}\n" "$image"
      echo "{\"text\":\"x\",\"out\":\"b4.wav\"}"; } > batch.jsonl &&
    generate 3 --batch batch.jsonl && cmp b5.wav seed.wav && cmp b1.wav both.wav && [ -s b2.wav ] && [ ! -e b3.wav ] && [ -s b4.wav ]
'
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
expect_success 'rows that are not ours, or want a training, are left out and say so' '
    table 0 2 --runs others && rows "sum(row[\"left_out\"] is None for row in rows.values()) == 1 and \"--train\" in rows[\"one α, encoder\"][\"left_out\"]" &&
    table 0 1 --runs others && rows "\"not part\" in rows[\"MusicLM\"][\"left_out\"] and rows[\"MeLFusion\"][\"ours\"][\"fad\"] > 0" &&
    table 0 6 --runs others --limit 1 --steps 1 --guidance 1 && rows "any(row[\"left_out\"] for row in rows.values())" &&
    table 1 4 --train paper.json --seed 5 && has err "made otherwise" && table 2 8 && has err "1 to 7" &&
    table 2 4 --samples . && has err "own sounds" && table 2 4 --paper mine && has err "musiccaps"
'
expect_success 'without alpha the picture changes no bit' '
    cp -r model plain && /usr/bin/python3 -c "
import json, struct
path = \"plain/unet/diffusion_pytorch_model.safetensors\"
data = bytearray(open(path, \"rb\").read())
n = struct.unpack(\"<Q\", data[:8])[0]
for name, entry in json.loads(data[8:8 + n]).items():
    if name.endswith(\".alpha\"):
        a, b = entry[\"data_offsets\"]
        data[8 + n + a:8 + n + b] = bytes(b - a)
open(path, \"wb\").write(data)" &&
    run 0 "$MEL" generate --model plain --tokens 24 --steps 3 --image "$image" --text "a calm piano" --out p1.wav &&
    run 0 "$MEL" generate --model plain --tokens 24 --steps 3 --text "a calm piano" --out p2.wav && cmp p1.wav p2.wav
'
expect_success 'the stages one by one, and how near a picture comes back' '
    latent() { run 0 "$MEL" --json latent "$@" --model model --steps 4 && whole latent; } &&
    latent encode "$image" picture.st && latent invert picture.st way.st && latent decode picture.st back.jpg &&
    latent encode both.wav sound.st && latent decode sound.st back.wav && [ -s back.jpg ] && [ -s back.wav ] && [ -s way.st ] &&
    latent reconstruct "$image" there.jpg && [ -s there.jpg ] && latent reconstruct "$image" --convention at &&
    run 1 "$MEL" latent decode sound.st x.jpg --model model && has err "image_latent" &&
    run 2 "$MEL" latent melt "$image" x.jpg --model model && has err "melt"
'
expect_success 'what cannot be done is said' '
    generate 2 --out x.wav && has err "neither" && generate 2 --text x --out x.mp3 && has err ".flac" &&
    generate 2 --text x && has err "out" && generate 2 --text x --out x.wav --sampler euler && has err "dpm++" &&
    generate 3 --text x --out /nowhere/x.wav &&
    run 1 "$MEL" train nowhere.json && run 2 "$MEL" -C data prepare --for media x && has err "--split" &&
    echo "{\"target\":\"music\",\"stepz\":1}" > bad.json && run 2 "$MEL" train bad.json && has err "stepz"
'
finish
