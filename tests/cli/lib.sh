# SPDX-License-Identifier: Apache-2.0
#
# What every tests/cli/tNNNN_topic.sh starts with:
#
#     . "$(dirname "$0")/lib.sh"
#     expect_success 'list prints a line of names' '
#         run 0 "$MEL" -C "$DATASET" list -n 1 &&
#         has out "loudness_lufs"
#     '
#     finish
#
# Each script runs in a scratch folder of its own, which goes when it ends. From CTest come MEL (the
# program), MAKE_DATASET (tests/cli/make_dataset.c) and MEL_SOURCE (the repository).
: "${MEL:?the path of the program mel}" "${MEL_SOURCE:?the path of the repository}"
LC_ALL=C.UTF-8
export LC_ALL
unset MEL_DATASET 2>/dev/null || :

scratch=$(mktemp -d "${TMPDIR:-/tmp}/melkit-cli-XXXXXX") || exit 1
trap 'cd / && chmod -R u+rwX "$scratch" 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
cd "$scratch" || exit 1
tests_run=0
tests_failed=0

# expect_success NAME SCRIPT: the script, run by `sh -e` rules in a subshell, ends with 0.
expect_success() {
    tests_run=$((tests_run + 1))
    if (eval "$2") > "$scratch/.log" 2>&1; then
        echo "ok $tests_run - $1"
    else
        tests_failed=$((tests_failed + 1))
        echo "not ok $tests_run - $1"
        sed 's/^/    /' "$scratch/.log"
        for stream in out err; do
            [ -f "$scratch/$stream" ] || continue
            echo "    ---- the last std$stream:"
            head -c 3000 "$scratch/$stream" | sed 's/^/    /'
        done
    fi
}

# run CODE COMMAND...: runs it, standard output into the file out and standard error into err, and
# wants that exit code.
run() {
    wanted=$1
    shift
    code=0
    "$@" > "$scratch/out" 2> "$scratch/err" || code=$?
    [ "$code" -eq "$wanted" ] && return 0
    echo "'$*' ended with $code, wanted $wanted"
    return 1
}

# has FILE TEXT / lacks FILE TEXT: a fixed text, anywhere on a line
has() {
    grep -qF -e "$2" -- "$1" && return 0
    echo "'$1' has no '$2'"
    return 1
}
lacks() {
    grep -qF -e "$2" -- "$1" || return 0
    echo "'$1' has '$2':"
    grep -nF -m 3 -e "$2" -- "$1" | cut -c 1-200
    return 1
}

# matches FILE REGEX: an extended regular expression, against lines
matches() {
    grep -qE -e "$2" -- "$1" && return 0
    echo "no line of '$1' matches '$2'"
    return 1
}

# equals FILE TEXT: the whole file, but for its last line end
equals() {
    [ "$(cat "$1")" = "$2" ] && return 0
    printf "'%s' is\n%s\nwanted\n%s\n" "$1" "$(cat "$1")" "$2"
    return 1
}

empty() {
    [ ! -s "$1" ] && return 0
    echo "'$1' is not empty:"
    head -n 5 "$1"
    return 1
}

# lines FILE COUNT
lines() {
    count=$(wc -l < "$1")
    [ "$count" -eq "$2" ] && return 0
    echo "'$1' has $count lines, wanted $2"
    return 1
}

# valid NAME [FILE]: every line of the file (out) is as schemas/json/NAME.schema.json says;
# whole NAME [FILE]: and no key that the schema names is missing
valid() {
    /usr/bin/python3 "$MEL_SOURCE/tests/cli/check_schema.py" \
        "$MEL_SOURCE/schemas/json/$1.schema.json" < "${2:-out}"
}
whole() {
    /usr/bin/python3 "$MEL_SOURCE/tests/cli/check_schema.py" --whole \
        "$MEL_SOURCE/schemas/json/$1.schema.json" < "${2:-out}"
}

# make_dataset FOLDER CLIPS [SEED]: a finished dataset, the same each time
make_dataset() {
    "${MAKE_DATASET:?the path of make_dataset}" "$@"
}

finish() {
    echo "1..$tests_run"
    [ "$tests_run" -gt 0 ] && [ "$tests_failed" -eq 0 ]
    exit
}
