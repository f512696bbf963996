#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Several processes that train as one: the same losses, an end for all when one is gone, and on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/small_world.sh"
. "$(dirname "$0")/ranks.sh"
prepare media && config clip clip shards/media "" && config ae_image autoencoder shards/media ',"of":"pictures"' &&
    "$MEL" -q train clip.json && "$MEL" -q train ae_image.json && prepare image --model model || exit 1
config image image shards/image ',"validate":"shards/image","validate_every":6,"validate_items":4'
sed -i 's/"install":true,//;s/"steps":6/"steps":12/' image.json
config long image shards/image ',"keep":9'
sed -i 's/"install":true,//;s/"steps":6/"steps":300/;s/"checkpoint_every":3/"checkpoint_every":10/' long.json

by_hand() { # by_hand RANK FURTHER…: this rank of two, as a launcher would start it
    number=$1; shift
    RANK=$number WORLD_SIZE=2 MASTER_PORT=$port "$MEL" train "$@" > "out.$number" 2> "err.$number"
}
port=$((20000 + $$ % 12000))

expect_success 'two ranks make the losses of one with twice the batch' '
    run 0 "$MEL" --json train image.json --set batch=4 --run runs/one && whole train &&
    run 0 "$MEL" --json train image.json --ranks 2 --run runs/two && whole train && lines out 3 &&
    lines runs/two/metrics.jsonl 14 && near loss one two && near gradient_norm one two && near validation_loss one two &&
    [ -s runs/two/model/image_unet/diffusion_pytorch_model.safetensors ]
'
expect_success 'a rank is killed: the other says so and ends, and the run resumes to the same bytes' '
    run 0 "$MEL" -q train long.json --ranks 2 --run runs/whole &&
    { by_hand 0 long.json --run runs/killed & } && first=$! && { by_hand 1 long.json --run runs/killed & } && second=$! &&
    stepped killed 15 && kill -9 "$(ps -o pid= --ppid $second || echo $second)" && began=$(date +%s) &&
    code=0 && { wait $first || code=$?; } && [ $code -eq 1 ] && [ $(($(date +%s) - began)) -le 30 ] &&
    has err.0 "rank 1 is gone" && has err.0 "resume" && [ "$(grep -c gradient_norm runs/killed/metrics.jsonl)" -lt 300 ] &&
    run 0 "$MEL" -q train long.json --ranks 2 --run runs/killed --resume &&
    [ "$(state killed 300)" = "$(state whole 300)" ] && column loss whole > a && column loss killed > b && cmp a b
'
expect_success 'with --restarts the run goes on by itself' '
    { "$MEL" train long.json --ranks 2 --restarts 1 --run runs/restarted > out 2> err & } && launcher=$! &&
    stepped restarted 15 && kill -9 "$(child $launcher 1)" && wait $launcher &&
    has err "rank 1 was killed by signal 9" && has err "rank 1 is gone" && has err "started again" &&
    [ "$(state restarted 300)" = "$(state whole 300)" ]
'
expect_success 'an interrupt of one stops both behind the same step, with a checkpoint' '
    { "$MEL" train long.json --ranks 2 --restarts 1 --run runs/stopped > out 2> err & } && launcher=$! &&
    stepped stopped 15 && kill -TERM "$(child $launcher 1)" && code=0 && { wait $launcher || code=$?; } && [ $code -eq 130 ] &&
    has err "interrupted after step" && lacks err "started again" && steps=$(grep -c gradient_norm runs/stopped/metrics.jsonl) &&
    [ "$steps" -lt 300 ] && [ -d "runs/stopped/checkpoints/$(printf "step-%08d" "$steps")" ] &&
    { "$MEL" train long.json --ranks 2 --run runs/stopped --resume > out 2> err & } && launcher=$! &&
    stepped stopped $((steps + 10)) && kill -TERM $launcher && code=0 && { wait $launcher || code=$?; } && [ $code -eq 130 ] &&
    run 0 "$MEL" -q train long.json --ranks 2 --run runs/stopped --resume && [ "$(state stopped 300)" = "$(state whole 300)" ]
'
expect_success 'running statistics and contrastive batches stay the same at every rank' '
    "$MEL" -q -C data prepare --split main --for media --picture 32 --text "{genre}, {moods}" shards/tags &&
    config cnn14 tagger shards/tags ",\"of\":\"cnn14\",\"seconds\":2,\"ema\":0.5" && run 0 "$MEL" --json train cnn14.json --ranks 3 --set install=false --run runs/judge &&
    has out "\"steps\":6," && lines runs/judge/metrics.jsonl 6 && run 0 "$MEL" --json train clip.json --ranks 2 --set install=false --run runs/clip-2 && lines runs/clip-2/metrics.jsonl 6
'
expect_success 'ranks that do not belong together are named' '
    { by_hand 1 image.json --run runs/other --set seed=6 & } && second=$! && code=0 &&
    { by_hand 0 image.json --run runs/other || code=$?; } && [ $code -eq 1 ] && has err.0 "rank 1 has another configuration than rank 0" &&
    code=0 && { wait $second || code=$?; } && [ $code -eq 1 ] && has err.1 "rank 1 has another configuration" && [ ! -e runs/other ]
'
expect_success 'what cannot be is said' '
    RANK=2 WORLD_SIZE=2 run 2 "$MEL" train image.json --run runs/no && has err "RANK is 2" &&
    RANK=0 WORLD_SIZE=2 run 2 "$MEL" train image.json --run runs/no --ranks 2 && has err "WORLD_SIZE" &&
    run 2 "$MEL" train image.json --run runs/no --ranks 0 && run 2 "$MEL" train image.json --run runs/no --restarts -1 &&
    run 1 "$MEL" train image.json --run runs/two --ranks 2 --restarts 2 && has err "holds a run already" && has err "rank 0 stopped" && lacks err "started again" &&
    run 2 "$MEL" train image.json --run runs/no --ranks 2 --set stepz=1 && has err "stepz" && [ ! -e runs/no ] &&
    run 2 "$MEL" --device tpu train image.json --run runs/no --ranks 2 && has err "tpu" && [ ! -e runs/no ]
'
finish
