#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Several processes that train as one on GPUs, which add up their gradients by themselves: here the
# GPU's backend on the CPU, with its way of adding up between processes.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/small_world.sh"
. "$(dirname "$0")/ranks.sh"
[ -x "$MEL_EMULATED" ] || { echo "1..0 # skip: no C++ compiler, no emulation"; exit 0; }
train_on() { # train_on DEVICE CODE FURTHER…
    device=$1 code=$2; shift 2
    run "$code" "$MEL_EMULATED" --device "$device" train "$@"
}
prepare media --picture 16 && config ae_image autoencoder shards/media ',"of":"pictures"' || exit 1
sed -i 's/"install":true,//;s/"steps":6/"steps":8/;s/"checkpoint_every":3/"checkpoint_every":4/' ae_image.json

expect_success 'two devices make the losses of one with twice the batch, and of the CPU' '
    train_on cpu 0 ae_image.json --set batch=4 --run runs/cpu &&
    train_on cuda 0 ae_image.json --set batch=4 --run runs/one && train_on cuda 0 ae_image.json --ranks 2 --run runs/two && lacks err "TCP" &&
    near loss one two && near gradient_norm one two && near loss cpu two
'
expect_success 'a rank is killed: the other gives its sums up, and the run resumes to the same bytes' '
    config long autoencoder shards/media ",\"of\":\"pictures\"" && sed -i "s/\"install\":true,//;s/\"steps\":6/\"steps\":30/;s/\"checkpoint_every\":3/\"checkpoint_every\":10/" long.json &&
    train_on cuda 0 long.json --ranks 2 --run runs/whole &&
    { "$MEL_EMULATED" --device cuda train long.json --ranks 2 --restarts 1 --run runs/restarted > out 2> err & } && launcher=$! &&
    stepped restarted 12 && kill -9 "$(child $launcher 1)" && began=$(date +%s) && wait $launcher && [ $(($(date +%s) - began)) -le 60 ] &&
    has err "rank 1 was killed by signal 9" && has err "rank 1 is gone" && has err "started again" &&
    [ "$(state restarted 30)" = "$(state whole 30)" ]
'
finish
