#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel generate and mel latent: music by networks so small that a step takes milliseconds.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/small_world.sh"
train_all || exit 1

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
expect_success 'texts of many lengths see the picture as each would alone' '
    words="" && for n in 1 2 3 4 5 6 7 8 9 10 11; do
        words="$words piano" && printf "{\"image\":\"%s\",\"text\":\"%s\",\"out\":\"long%s.wav\"}\n" "$image" "${words# }" $n
    done > lengths.jsonl && generate 0 --batch lengths.jsonl && generate 0 --image "$image" --text "${words# }" --out alone.wav && cmp long11.wav alone.wav &&
    generate 0 --image "$image" --text piano --out alone1.wav && cmp long1.wav alone1.wav && ! cmp -s long1.wav long11.wav
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
    generate 3 --text x --out /nowhere/x.wav
'
finish
