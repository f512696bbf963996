#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Melkit's one script: everything that a developer or a newcomer types.
set -eu
cd "$(dirname "$0")"

packages="build-essential cmake ninja-build pkg-config libsqlite3-dev libavformat-dev libavcodec-dev
    libavutil-dev libswscale-dev libswresample-dev libcurl4-openssl-dev libsndfile1-dev
    libjansson-dev libssl-dev libcmocka-dev libturbojpeg0-dev libebur128-dev libkissfft-dev
    libseccomp-dev libarchive-dev libcairo2-dev libdnnl-dev libutf8proc-dev
    ocl-icd-opencl-dev liblapacke-dev libopenblas-dev librubberband-dev libpulse-dev libenchant-2-dev
    libgtk-4-dev libglib2.0-dev-bin libxml2-utils libxtst-dev
    gettext desktop-file-utils appstream
    ffmpeg yt-dlp sqlite3 python3 xvfb openbox hunspell-en-us hunspell-en-gb"
developer_packages="clang clang-format clang-tidy cppcheck libclang-rt-14-dev strace pulseaudio"
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

usage() {
    cat <<'TEXT'
usage: ./do VERB

  demo [--fresh] [--quick]   install what is missing, build, and run the whole job on real media;
                   --quick: a first look in minutes, networks hardly trained
  test             install, build, and run every test
  build            build into build/
  check            format, lint, warnings as errors, sanitizer-free tests: what must be clean
  format           clang-format everything
  lint             clang-tidy and cppcheck
  asan, tsan       build with sanitizers and run every test (tsan: but those of the windows)
  fuzz [SECONDS]   each fuzz target for so long (60)
  bench            speeds beside those of what one would use instead (networks: beside PyTorch, where
                   MEL_TORCH names a Python that has it)
  parity           the fixtures of tests/parity made anew, and full-size networks compared, with the
                   Python that MEL_TORCH names
  gpu [bundle]     on a machine with a GPU: every test of the GPU's backend, compute-sanitizer, speeds
                   beside PyTorch (MEL_TORCH), and a clip at full size (9.4 GB of random weights below
                   TMPDIR), into tests/gpu/reports/; bundle: the same as a folder,
                   build-gpu/bundle (and .tar.xz), for a machine that has a GPU but none of Melkit's packages
  crash [POINTS]   kill -9 at so many points: nine of ten in the store, one in mel's commands (10000)
  screenshots      pictures of mel-annotator, light, dark and at twice the size, in screenshots/
  deps [--dev]     install the packages of Debian that Melkit needs (--dev: the linters too)
TEXT
}

missing_packages() {
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            printf ' %s' "$package"
    done
}

deps() {
    wanted=$packages
    if [ "${1:-}" = --dev ]; then wanted="$packages $developer_packages"; fi
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say "This is no Debian. Install these (or what your system calls them), then go on:"
        echo $wanted
        return 0
    fi
    # shellcheck disable=SC2086
    missing=$(missing_packages $wanted)
    if [ -z "$missing" ]; then return 0; fi
    say "installing:$missing"
    root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { say "become root, or install sudo, and run ./do deps"; exit 1; }
        root=sudo
    fi
    $root apt-get update -qq
    # shellcheck disable=SC2086
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        $missing >/dev/null
}

configure() { # folder, then cmake options
    folder=$1
    shift
    cmake -S . -B "$folder" -G Ninja "$@" >"$folder.log" 2>&1 || {
        cat "$folder.log"
        rm -f "$folder.log"
        exit 1
    }
    rm -f "$folder.log"
}

configure_and_build() { # folder, then cmake options
    configure "$@"
    cmake --build "$1"
}

run_tests() { # folder, then ctest options
    folder=$1
    shift
    ctest --test-dir "$folder" -j "$jobs" --output-on-failure --label-exclude gpu "$@"
}

sources() { git ls-files '*.c' '*.h' '*.cu' '*.cpp'; }

format_check() {
    sources | xargs clang-format --dry-run --Werror
}

# Of the files that are named on the input those that this build compiles: what stands in for a missing
# library is not among them.
compiled_in() { # folder
    while read -r file; do
        ! grep -q "\"file\": \"$PWD/$file\"" "$1/compile_commands.json" || echo "$file"
    done
}

# One file to a process: clang-tidy 14 finds faults with va_list in every file but the first.
lint() {
    configure_and_build build-check -DMEL_WERROR=ON
    git ls-files 'base/*.c' 'db/*.c' 'curator/*.c' 'engine/*.c' 'trainer/*.c' 'cli/*.c' 'annotator/*.c' |
        compiled_in build-check | xargs -P "$jobs" -n 1 clang-tidy -p build-check --quiet
    cppcheck --quiet --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --library=.cppcheck.cfg --suppress=missingIncludeSystem --suppress=internalAstError \
        --suppress=cppcheckError \
        -D_GNU_SOURCE -DMEL_VERSION='"0"' -I . base db curator engine trainer cli annotator
}

# What a target finds new goes to build-fuzz; the committed corpus is where it starts from.
fuzz() {
    seconds=${1:-60}
    configure_and_build build-fuzz -DMEL_FUZZ=ON -DCMAKE_C_COMPILER=clang \
        -DMEL_SANITIZE=fuzzer-no-link,address,undefined
    for program in build-fuzz/bin/fuzz_*; do
        say "$program"
        topic=$(basename "$program" | sed 's/^fuzz_//')
        found=build-fuzz/corpus/$topic known=tests/fuzz/corpus/$topic
        mkdir -p "$found"
        if [ ! -d "$known" ]; then known=; fi
        # shellcheck disable=SC2086
        "$program" -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix=build-fuzz/ \
            "$found" $known
    done
}

# One folder for each look. A picture that a look cannot take is told by its test.
screenshots() {
    failures=0
    for look in light dark double; do
        folder=$PWD/screenshots/$look
        rm -rf "$folder"
        mkdir -p "$folder"
        theme=Adwaita scale=1
        case $look in
        dark) theme=Adwaita:dark ;;
        double) scale=2 ;;
        esac
        for program in build/bin/ui_test_*; do
            language=
            case $program in
            *_dutch) language=nl ;;
            esac
            LANGUAGE=$language UI_THEME=$theme UI_SCALE=$scale UI_SCREENSHOTS=$folder \
                sh tests/ui/run.sh build/bin "$program" >"$folder/log" 2>&1 ||
                { cat "$folder/log"; failures=$((failures + 1)); }
        done
        rm -f "$folder/log"
        say "$folder: $(ls "$folder" | tr '\n' ' ')"
    done
    [ "$failures" = 0 ]
}

verb=${1:-help}
if [ $# -gt 0 ]; then shift; fi
case $verb in
deps) deps "$@" ;;
build) deps && configure_and_build build ;;
test) deps && configure_and_build build && run_tests build ;;
demo) deps && configure build && cmake --build build --target mel mel-world && exec sh tests/demo/run.sh "$@" ;;
format) sources | xargs clang-format -i ;;
lint) deps --dev && lint ;;
check)
    deps --dev
    format_check
    lint # a command of its own: before && the shell would go on behind its failures
    run_tests build-check
    ;;
asan)
    deps && configure_and_build build-asan -DMEL_SANITIZE=address,undefined
    run_tests build-asan
    ;;
tsan)
    deps && configure_and_build build-tsan -DMEL_SANITIZE=thread
    # Windows hand their work to threads under GLib's own locks, which TSan does not see: all would race.
    run_tests build-tsan --exclude-regex '^ui/'
    ;;
fuzz) deps --dev && fuzz "$@" ;;
bench)
    deps && configure_and_build build
    missed=
    for program in build/bin/bench-*; do
        say "$(basename "$program")"
        "$program" "$@" || missed="$missed $(basename "$program")"
    done
    for clips in 0 11250 100000; do
        say "mel-annotator with $clips more clips, on a software display"
        UI_CLIPS=$clips sh tests/ui/run.sh build/bin build/bin/ui_bench_annotator || [ $? = 77 ] ||
            missed="$missed ui_bench_annotator"
    done
    if [ "$missed" ]; then
        echo "bench: a wanted figure was missed by$missed" >&2
        exit 1
    fi
    ;;
parity)
    deps && configure_and_build build
    exec sh tests/parity/run.sh
    ;;
screenshots)
    deps && configure_and_build build
    screenshots
    ;;
gpu)
    deps
    if [ "${1:-}" = bundle ]; then
        configure_and_build build-gpu -DMEL_CUDA=ON -DBUILD_SHARED_LIBS=ON -DMEL_TEST_DATA=tests/data
        exec sh tests/gpu/bundle.sh build-gpu build-gpu/bundle
    fi
    configure_and_build build-gpu -DMEL_CUDA=ON -DMEL_TEST_DATA="$PWD/tests/data"
    mkdir -p tests/gpu/reports
    exec sh tests/gpu/run.sh build-gpu/bin "tests/gpu/reports/$(hostname)-$(date -u +%F).md"
    ;;
crash)
    deps && configure_and_build build
    points=${1:-10000}
    build/bin/mel-crash --layer store --points $((points - points / 10))
    build/bin/mel-crash --layer commands --points $((points / 10))
    ;;
*) usage ;;
esac
