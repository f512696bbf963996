#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Everything of the engine that a GPU can be asked for, and one report of it.
# usage: run.sh BIN REPORT.md [SANITIZER SECONDS]
#   BIN: the folder of a build's programs, or of a bundle (bundle.sh), whose loader is used then
#   MEL_TORCH: a Python with torch and diffusers, to be timed beside (else ours is shown alone)
set -u
checked= # what a program is run under
bin=$1 report=$2 sanitizer_seconds=${3:-300}
failed=0

run() { # by the bundle's own loader and libraries where it has them
    program=$1
    shift
    if [ -f "$bin/lib/ld.so" ]; then
        $checked "$bin/lib/ld.so" --library-path "$bin/lib:${LD_LIBRARY_PATH:-}" "$bin/$program" "$@"
    else
        $checked "$bin/$program" "$@"
    fi
}

section() { printf '\n## %s\n\n' "$*" >>"$report"; }
quote() { sed 's/^/    /' >>"$report"; }

tests() {
    section "Tests"
    for path in "$bin"/gpu_*; do
        name=$(basename "$path") began=$(date +%s)
        if run "$name" >"$report.log" 2>&1; then
            word=passed
        else
            word=FAILED
            failed=$((failed + 1))
        fi
        printf -- '* %s: %s, %d s\n' "$name" "$word" $(($(date +%s) - began)) >>"$report"
        if [ $word = FAILED ]; then
            grep -E 'ERROR|FAILED|away|GPU' "$report.log" | head -20 | quote
        else
            grep -E '[0-9]e[-+][0-9]' "$report.log" | quote
        fi
    done
    rm -f "$report.log"
}

sanitizer() {
    command -v compute-sanitizer >/dev/null || return 0
    for tool in memcheck racecheck; do
        section "compute-sanitizer $tool, every operation"
        checked="timeout $sanitizer_seconds compute-sanitizer --tool $tool --target-processes all"
        run gpu_cuda_test_ops >"$report.log" 2>&1
        checked=
        tail -5 "$report.log" | quote
        rm -f "$report.log"
    done
}

speeds() {
    section "Speeds"
    for type in bf16 f32; do
        run bench-engine --device cuda --type $type --rounds 20 2>&1 | quote
    done
}

# By networks of the published sizes: 9.4 GB of weights, which the page cache holds then.
clip() {
    section "A clip of 10.24 s"
    model=$(mktemp -d) || return
    if run mel-full-model "$model" tests/data/tokenizers >"$report.log" 2>&1; then
        run bench-clip --model "$model" --device cuda >"$report.log" 2>&1
    fi
    quote <"$report.log"
    rm -rf "$model" "$report.log"
}

{
    printf '# Melkit on a GPU\n\n'
    printf -- '* date: %s\n* version: %s\n' "$(date -u +%F)" "${MEL_COMMIT:-$(git rev-parse --short HEAD 2>/dev/null)}"
    nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader |
        sed 's/^/* GPU: /'
} >"$report"
tests
sanitizer
speeds
clip
cat "$report"
[ $failed = 0 ]
