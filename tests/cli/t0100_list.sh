#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel list: views, columns, conditions, pages, forms of output.
. "$(dirname "$0")/lib.sh"
make_dataset data 40 || exit 1
list() { code=$1; shift; run "$code" "$MEL" -C data list "$@"; }

expect_success 'a pipe gets all rows, tab-separated, behind a line of names' '
    list 0 &&
    lines out 41 &&
    equals err "" &&
    [ "$(head -n 1 out)" = "$(printf "id\tstate\treason\tincluded\tgenre\tloudness_lufs\timsm\ttitle")" ] &&
    [ "$(awk -F "\t" "{ print NF }" out | sort -u)" = 8 ]
'

expect_success 'rows come in the order of their ids' '
    list 0 --columns id &&
    tail -n +2 out > ids &&
    sort -c ids
'

expect_success 'pages follow each other without gap or overlap' '
    list 0 --columns id && tail -n +2 out > all &&
    : > paged && after= &&
    while :; do
        list 0 --columns id --limit 7 --after "$after" || exit 1
        tail -n +2 out > page
        [ -s page ] || break
        cat page >> paged
        after=$(tail -n 1 page)
    done &&
    cmp all paged
'

expect_success 'a condition chooses rows, and --count counts the same ones' '
    list 0 --where "state = '\''ready'\'' AND loudness_lufs < -14" --columns state,loudness_lufs &&
    tail -n +2 out > rows &&
    [ -s rows ] &&
    awk -F "\t" "\$1 != \"ready\" || \$2 >= -14 { exit 1 }" rows &&
    n=$(wc -l < rows) &&
    list 0 --where "state = '\''ready'\'' AND loudness_lufs < -14" --count &&
    equals out "$((n))"
'

expect_success 'sorting puts unknown values last, up and down' '
    list 0 --columns loudness_lufs --sort loudness_lufs && tail -n +2 out > up &&
    list 0 --columns loudness_lufs --sort -loudness_lufs && tail -n +2 out > down &&
    grep -v "^$" up > known && sort -g known | cmp - known &&
    [ -z "$(tail -n 1 up)" ] && [ -z "$(tail -n 1 down)" ] &&
    [ "$(head -n 1 down)" = "$(tail -n 1 known)" ]
'

expect_success 'every view is listed, and by default all keys are in the JSON' '
    for view in clips annotations triplets scores splits; do
        list 0 --view $view --json --limit 20 && whole list_$view && empty err || exit 1
        list 0 --view $view --limit 3 && lines out 4 || exit 1
    done
'

expect_success 'the splits view pages by split and clip' '
    list 0 --view splits --columns split,id && tail -n +2 out > all &&
    list 0 --view splits --columns split,id --limit 5 && tail -n +2 out > first &&
    last=$(tail -n 1 first | tr "\t" /) &&
    list 0 --view splits --columns split,id --after "$last" && tail -n +2 out > rest &&
    cat first rest | cmp all -
'

expect_success 'JSON holds the chosen columns in their order' '
    list 0 --json --limit 1 --columns state,id &&
    equals out "{\"state\":\"$(sed "s/.*state\":\"//; s/\".*//" out)\",\"id\":\"yt-00000000000:30000\"}" &&
    valid list_clips
'

expect_success 'every column of every view has a meaning' '
    for view in clips annotations triplets scores splits; do
        list 0 --view $view --columns-help --json && whole list_columns || exit 1
        lacks out "\"meaning\":\"\"" || exit 1
        list 0 --view $view --columns help && has out "meaning" || exit 1
    done
'

expect_success 'the count as JSON' '
    list 0 --json --count --where "attempts > 0" && whole list_count && has out "attempts > 0"
'

expect_success 'a wrong view, column or condition is a usage error that names the nearest' '
    list 2 --view clip && has err "did you mean '\''clips'\''" && empty out &&
    list 2 --columns id,loudnes_lufs && has err "did you mean '\''loudness_lufs'\''" &&
    list 2 --sort "id; DROP TABLE clip" && has err "has no column" &&
    list 2 --where "genre = " && has err "is not valid" && empty out &&
    list 2 --where "1) OR (1" && has err "is not valid" &&
    list 2 --limit -5 && has err "0 (all) or more" &&
    list 2 --sort imsm --after x && has err "cannot go with"
'

expect_success 'a condition can do nothing but read the views' '
    list 1 --where "id IN (SELECT id FROM source)" && has err "is refused" &&
    list 1 --where "load_extension('\''x'\'')" && has err "is refused"
'

expect_success 'a page of a terminal says how to go on' '
    make_dataset big 105 &&
    script -qec "\"$MEL\" -C big list --columns id" /dev/null < /dev/null > out 2>&1 &&
    has out "the first 100 are shown" &&
    has out "--after yt-" &&
    script -qec "\"$MEL\" -C big list --columns id --limit 0" /dev/null < /dev/null > out 2>&1 &&
    lacks out "are shown"
'

expect_success 'outside a dataset there is a sentence, no listing' '
    mkdir -p empty &&
    run 1 "$MEL" -C empty list && empty out && matches err "^mel: "
'
finish
