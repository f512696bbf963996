#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel model: a small hub on the loopback, with small models of random weights.
. "$(dirname "$0")/lib.sh"
"$SMALL_MODELS" hub "$MEL_SOURCE/tests/data/tokenizers" || exit 1
echo "not wanted" > hub/clip/README.md
cp hub/clip/model.safetensors hub/clip/pytorch_model.bin
/usr/bin/python3 "$MEL_SOURCE/tests/cli/small_hub.py" hub port & hub=$!
trap 'kill $hub 2>/dev/null; cd / && rm -rf "$scratch"' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -s port ] && break; sleep 0.25; done
HF_ENDPOINT=http://127.0.0.1:$(cat port)
MELKIT_MODELS=$PWD/models
export HF_ENDPOINT MELKIT_MODELS
mel() { code=$1; shift; run "$code" "$MEL" --json model "$@"; }

expect_success 'a pull brings what a model needs, once' '
    mel 0 pull small/clip small/clap --allow-private && valid model && lines out 2 &&
    cmp hub/clip/model.safetensors models/small/clip/model.safetensors &&
    cmp hub/clap/merges.txt models/small/clap/merges.txt &&
    [ ! -e models/small/clip/README.md ] && [ ! -e models/small/clip/pytorch_model.bin ] &&
    has models/small/clip/melkit.json sha256
'

expect_success 'a pull that was stopped goes on' '
    rm -rf models && mkdir -p models/small/clip &&
    mel 0 pull small/clip --allow-private && rm models/small/clip/merges.txt models/small/clip/melkit.json &&
    before=$(stat -c %Y%i models/small/clip/model.safetensors) &&
    mel 0 pull small/clip --allow-private &&
    cmp hub/clip/merges.txt models/small/clip/merges.txt &&
    [ "$(stat -c %Y%i models/small/clip/model.safetensors)" = "$before" ]
'

expect_success 'verify reads everything again' '
    mel 0 verify small/clip && valid model && has out "\"event\":\"verified\"" &&
    printf x | dd of=models/small/clip/model.safetensors bs=1 seek=100000 conv=notrunc 2>/dev/null &&
    mel 1 verify small/clip && has err "has changed since it was pulled"
'

expect_success 'the list says what is there' '
    mel 0 list && valid model && has out "\"state\":\"absent\"" && has out "openai/clip-vit-base-patch32"
'

expect_success 'what is not there is said' '
    mel 1 pull small/none --allow-private && has err "no repository" &&
    mel 1 pull nothing && has err "no model" && mel 1 pull ../../x && has err "no model" &&
    mel 1 pull small/clip && has err "private" &&
    mel 1 verify nowhere && has err "no model" && mel 2 dance && has err "pull"
'

finish
