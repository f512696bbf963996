#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel evaluate: generated sounds beside real ones, judged by small networks with random weights.
. "$(dirname "$0")/lib.sh"
make_dataset data 60 || exit 1
"$SMALL_MODELS" models "$MEL_SOURCE/tests/data/tokenizers" || exit 1
MELKIT_MODELS=$PWD/models
export MELKIT_MODELS
evaluate() {
    code=$1; shift
    run "$code" "$MEL" -C data --json evaluate "$@" --vggish vggish --cnn14 cnn14 --picture-model clip --music-model clap
}
holds() { # holds EXPRESSION: over the last line's values, as Python
    /usr/bin/python3 -c "
import json, sys
globals().update(json.loads(open('out').readlines()[-1]))
sys.exit(not eval(sys.argv[1]))" "$1" || { echo "not so: $1"; return 1; }
}
# The sounds of the split's side train, under the names that generated ones would have.
mkdir same
"$MEL" -C data --json list --view splits --where "split = 'main' AND side = 'train'" --columns id |
    /usr/bin/python3 -c "
import json, shutil, subprocess, sys
for line in sys.stdin:
    clip = json.loads(line)['id']
    rows = subprocess.run(['$MEL', '-C', 'data', '--json', 'list', '--view', 'triplets', '--where', f\"id = '{clip}'\", '--columns', 'audio_path'], capture_output=True, text=True).stdout.splitlines()
    if rows: shutil.copy('data/' + json.loads(rows[0])['audio_path'], 'same/' + clip.replace(':', '_') + '.flac')"
count=$(ls same | wc -l)

expect_success 'the same sounds are no distance apart' '
    [ "$count" -ge 10 ] && evaluate 0 --samples same --reference same && whole evaluate &&
    holds "samples == pairs == $count and abs(fad) < 1e-3 and abs(fd) < 1e-3 and abs(kl) < 1e-4 and inception >= 1"
'

expect_success 'a level is a distance, unless all are scaled to one peak' '
    mkdir soft && for f in same/*; do ffmpeg -v error -i "$f" -af volume=-9dB "soft/${f##*/}" </dev/null || exit 1; done &&
    evaluate 0 --samples soft --reference same && holds "fad > 1" &&
    evaluate 0 --samples soft --reference same --peak 0.5 && holds "fad < 1e-2" &&
    evaluate 2 --samples soft --reference same --peak 2 && has err "peak"
'

expect_success 'a split is a reference, and gives its pictures and texts' '
    evaluate 0 --samples same --split main --side train --imsm && whole evaluate &&
    holds "pairs == $count and abs(fad) < 1e-3 and 0 < imsm < 1"
'

expect_success 'the purity of the real sounds is what mel score says of them' '
    "$MEL" -C data --json score imsm --dry-run --picture-model clip --music-model clap --where "id IN (SELECT id FROM splits WHERE split = '\''main'\'' AND side = '\''train'\'')" > score.json &&
    mean=$(/usr/bin/python3 -c "import json; print(json.loads(open(\"score.json\").readlines()[-1])[\"mean\"])") &&
    holds "abs(imsm - $mean) < 1e-6"
'

expect_success 'other sounds are, and few names in common give no KL' '
    mkdir other && n=0 && for f in same/*; do n=$((n + 1)); cp "$f" "other/x$n.flac"; done && rm other/x1.flac &&
    evaluate 0 --samples other --reference same && whole evaluate && has err "KL wants nearly all" &&
    holds "kl is None and fd >= 0 and pairs == 0"
'

expect_success 'a file that is no sound is left out, and said' '
    cp -r same broken && printf "no sound" > broken/zz.wav &&
    evaluate 3 --samples broken --reference same && has err "zz.wav" && holds "failed == 1"
'

expect_success 'what cannot be done is said' '
    evaluate 2 --reference same && has err "--samples" &&
    evaluate 2 --samples same && has err "either" &&
    evaluate 2 --samples same --reference same --imsm && has err "--split" &&
    mkdir empty && evaluate 1 --samples empty --reference same && has err "no WAV" &&
    evaluate 1 --samples same --split nosuch && has err "nosuch" &&
    run 1 "$MEL" -C data evaluate --samples same --reference same && has err "mel model pull cnn14-16k" &&
    run 2 "$MEL" -C data evaluate --samples same --reference same --vggish cnn14 --cnn14 none && has err "wanted a vggish"
'

finish
