#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel prepare and mel train: every target, on a split.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/small_world.sh"

expect_success 'a split becomes shards, the same at a second time' '
    prepare media && whole prepare && [ -s shards/media/index.json ] &&
    sha256sum shards/media/* > first && prepare media && sha256sum -c --quiet first
'
expect_success 'killed after its first file, prepare goes on behind it and comes to the same bytes' '
    make_dataset large 200 && large="-C large --json prepare --split main --for media --tokens 24 --picture 32" &&
    run 0 "$MEL" $large shards/whole && [ -s shards/whole/00001.safetensors ] &&
    killed=0 && for file in 00000 00001; do
        { "$MEL" $large shards/killed > out 2> err & } && child=$! && tries=0
        until [ -e shards/killed/$file.safetensors ] || [ $tries -gt 600 ]; do sleep 0.02; tries=$((tries + 1)); done
        kill -KILL $child && killed=$((killed + 1)); wait $child
    done 2>/dev/null; [ $killed -gt 0 ] && first=$(stat -c "%i %Y" shards/killed/00000.safetensors) &&
    run 0 "$MEL" $large shards/killed && [ "$first" = "$(stat -c "%i %Y" shards/killed/00000.safetensors)" ] &&
    ( cd shards/whole && sha256sum -- * ) > whole && ( cd shards/killed && sha256sum --quiet -c ../../whole && [ "$(ls | wc -l)" -eq "$(wc -l < ../../whole)" ] )
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
expect_success 'what cannot be done is said' '
    run 1 "$MEL" train nowhere.json && run 2 "$MEL" -C data prepare --for media x && has err "--split" &&
    echo "{\"target\":\"music\",\"stepz\":1}" > bad.json && run 2 "$MEL" train bad.json && has err "stepz"
'
finish
