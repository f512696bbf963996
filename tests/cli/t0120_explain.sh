#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel explain: why a clip is in or out.
. "$(dirname "$0")/lib.sh"
make_dataset data 120 || exit 1
explain() { code=$1; shift; run "$code" "$MEL" -C data explain "$@"; }
one() { "$MEL" -C data list --where "$1" --columns id --limit 1 | tail -n +2; }
verdict() { tail -n 1 out; }

expect_success 'a triplet is in, and says which passes it survives with which numbers' '
    id=$("$MEL" -C data list --view triplets --where included --columns id --limit 1 | tail -n +2) &&
    explain 0 "$id" && empty err &&
    tr "\n" " " < out > flat &&
    matches flat "survives the pass '\''narrow'\'' .bandwidth_hz < 9000. with bandwidth_hz = [0-9]+ Hz" &&
    has flat "In the split '\''main'\'' it is on the side" &&
    case $(verdict) in "It is in: "*) ;; *) exit 1 ;; esac
'

expect_success 'a clip that a pass keeps out says the condition and the numbers of that time' '
    id=$(one "excluded_by = '\''narrow'\''") &&
    explain 0 "$id" && tr "\n" " " < out > flat &&
    matches flat "The pass '\''narrow'\'' keeps it out: on [-0-9]+ it met the condition" &&
    matches flat "then bandwidth_hz = [0-9.]+ Hz" &&
    [ "$(verdict)" = "It is out: 1 pass in force keeps it out." ]
'

expect_success 'a failed clip says what the reason means and what to do' '
    id=$(one "state = '\''failed'\'' AND failure_class = '\''permanent'\''") &&
    explain 0 "$id" && tr "\n" " " < out > flat &&
    has flat "after 1 attempt," && has flat "The message was: " && has flat "What to do: " &&
    has flat "retrying does not help" && lacks flat "survives"
'

expect_success 'a new clip waits to be fetched' '
    id=$(one "state = '\''new'\''") &&
    explain 0 "$id" && has out "has not been fetched yet" &&
    [ "$(verdict)" = "It is neither in nor out: it waits to be fetched." ]
'

expect_success 'a disputed clip says what people disagree on' '
    id=$(one "settled_state = '\''disputed'\'' AND included") &&
    [ -n "$id" ] &&
    explain 0 "$id" && tr "\n" " " < out > flat &&
    has flat "disagree on genre" && has flat "It is not in yet"
'

expect_success 'a duplicate names the other clip' '
    id=$(one "duplicated AND included") &&
    explain 0 "$id" && tr "\n" " " < out > flat &&
    matches flat "the same as yt-[0-9]+:[0-9]+ .score [01][.][0-9]+"
'

expect_success 'an undone pass no longer counts' '
    id=$(one "excluded_by = '\''silence'\''") &&
    "$MEL" -C data filter --undo silence > /dev/null 2>&1 &&
    explain 0 "$id" && lacks out "silence_share > 0.5"
'

expect_success 'as JSON every clip is one object of the schema' '
    "$MEL" -C data list --columns id | tail -n +2 > ids &&
    while read -r id; do "$MEL" -C data --json explain "$id" || exit 1; done < ids > all &&
    lines all 120 && whole explain all &&
    for word in in out waiting; do has all "\"verdict\":\"$word\"" || exit 1; done
'
finish
