#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the references say today: the committed fixtures made anew with the Python that MEL_TORCH names,
# the tests that read them, and full-size networks. A difference in the fixtures is shown, not kept.
set -eu
: "${MEL_TORCH:?names a Python with torch, diffusers, transformers, safetensors, librosa, torchaudio}"
HF_HUB_OFFLINE=1
export HF_HUB_OFFLINE
for name in metrics front nets_audio nets_diffusion nets_towers nets_text_audio discriminators; do
    echo "make_$name.py"
    "$MEL_TORCH" "tests/parity/make_$name.py" >/dev/null
done
ctest --test-dir build -R 'engine/test_(nets|metrics|front|names|discriminators)' --output-on-failure
git status --short tests/data
git checkout -- tests/data

folder=${TMPDIR:-/tmp}/melkit-parity
"$MEL_TORCH" tests/parity/full_size.py "$folder"
build/bin/mel-parity "$folder"
rm -rf "$folder"
