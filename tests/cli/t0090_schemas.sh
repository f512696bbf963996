#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The schema checker itself: it must be able to say no.
. "$(dirname "$0")/lib.sh"
check() { # check CODE SCHEMA LINE...
    code=$1
    printf '%s\n' "$2" > schema.json
    shift 2
    printf '%s\n' "$@" > lines
    run "$code" sh -c '/usr/bin/python3 "$MEL_SOURCE/tests/cli/check_schema.py" schema.json < lines'
}
export MEL_SOURCE

expect_success 'types, enums and required keys are held' '
    s="{\"type\":\"object\",\"properties\":{\"a\":{\"type\":[\"integer\",\"null\"]},\"b\":{\"enum\":[\"x\"]}},\"required\":[\"a\"],\"additionalProperties\":false}" &&
    check 0 "$s" "{\"a\":1,\"b\":\"x\"}" "{\"a\":null}" &&
    check 1 "$s" "{\"a\":1.5}" && has out "is not integer or null" &&
    check 1 "$s" "{\"a\":true}" &&
    check 1 "$s" "{\"b\":\"x\"}" && has out "is missing" &&
    check 1 "$s" "{\"a\":1,\"b\":\"y\"}" && has out "is none of" &&
    check 1 "$s" "{\"a\":1,\"c\":2}" && has out "is not in the schema"
'

expect_success 'items, references and forms are followed' '
    s="{\"type\":\"array\",\"items\":{\"\$ref\":\"#/\$defs/n\"},\"\$defs\":{\"n\":{\"type\":\"number\"}}}" &&
    check 0 "$s" "[1,2.5]" && check 1 "$s" "[1,\"2\"]" && has out "[1]" &&
    s="{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}" &&
    check 0 "$s" "1" && check 1 "$s" "null" && has out "is not exactly one"
'

expect_success 'what is not JSON, doubled keys and empty input are refused' '
    check 1 "{}" "{\"a\":1" && check 1 "{}" "{\"a\":1,\"a\":2}" && check 1 "{}" "NaN" &&
    printf "" > lines && run 1 sh -c "/usr/bin/python3 \"\$MEL_SOURCE/tests/cli/check_schema.py\" schema.json < lines"
'

expect_success 'a keyword that is not understood is refused, not passed over' '
    check 2 "{\"minimum\":1}" "0" && has err "unknown keywords"
'

expect_success 'every schema of the house is understood' '
    for schema in "$MEL_SOURCE"/schemas/json/*.schema.json; do
        name=$(basename "$schema" .schema.json)
        echo "[]" > lines
        code=0
        valid "$name" lines > out 2>&1 || code=$?
        [ "$code" -eq 1 ] || { echo "$name: $code"; cat out; exit 1; }
    done
'
finish
