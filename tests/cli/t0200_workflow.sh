#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The annotators' work from the queue to the settled answer: mel assign, pack, annotate in the packet,
# merge, review, adjudicate.
. "$(dirname "$0")/lib.sh"
make_dataset data 40 || exit 1
mel() { code=$1; shift; run "$code" "$MEL" -C data --json "$@"; }
plain() { code=$1; shift; run "$code" "$MEL" -C data "$@"; }
in_packet() { folder=$1 code=$2; shift 2; run "$code" "$MEL" -C "$folder" "$@"; }
field() { # field FILE KEY: of the first line
    head -n 1 "$1" | sed "s/.*\"$2\":\"\{0,1\}\([^\",}]*\).*/\1/"
}
fresh="annotation_count = 0"

expect_success 'a trial of a batch changes nothing' '
    mel 0 assign --where "$fresh" --to anna,ben,carl --overlap 0.4 --dry-run && whole assign &&
    has out would_assign && mel 0 assign --queue anna && empty out
'

expect_success 'a batch is shared out evenly, and a second time nothing is added' '
    mel 0 assign --where "$fresh" --to anna,ben,carl --overlap 1 --raters 3 --seed 4 &&
    valid assign && has out "\"there\":0" &&
    total=$(field out added) && [ "$total" -ge 6 ] && [ $((total % 3)) -eq 0 ] &&
    mel 0 assign --where "$fresh" --to anna,ben --seed 5 && valid assign && has out "\"added\":0" &&
    has out "\"there\":$total" &&
    mel 0 assign --queue ben && valid assign && lines out $((total / 3)) &&
    lacks out submitted
'

expect_success 'what cannot be assigned is refused' '
    plain 2 assign --where "$fresh" && has err "nobody to assign to" &&
    plain 2 assign --where "$fresh" --to anna,anna --batch b && has err "named twice" &&
    plain 2 assign --where "$fresh" --to anna,ben --overlap 2 --batch b && has err "from 0 to 1" &&
    plain 2 assign --where "$fresh" --to anna --overlap 1 --batch b && has err "2 raters" &&
    plain 2 assign --where "no such column" --to anna --batch b &&
    plain 1 assign --where "id = 1" --to anna --batch b && has err "nothing to assign" &&
    plain 1 assign --gold no-such:0 --to anna --batch b && has err "no clip"
'

expect_success 'a packet is a dataset of its own, as a folder or as one file' '
    mel 0 pack --annotator anna "$PWD/anna.tar" && whole pack && has out "\"skipped\":0" &&
    tar xf anna.tar && in_packet anna 0 verify && has err "0 errors" &&
    mel 0 pack --annotator ben "$PWD/ben" && whole pack && in_packet ben 0 verify &&
    mel 0 pack --annotator carl --batch main "$PWD/carl.tar" && tar xf carl.tar &&
    plain 1 pack --annotator anna "$PWD/anna.tar" && has err "there already" &&
    plain 1 pack --annotator dora "$PWD/dora" && has err "no ready clip is assigned" &&
    plain 1 pack "$PWD/x.tar" && has err "no packet"
'

expect_success 'a packet without its media, and one whose media were damaged' '
    mel 0 pack --annotator anna --no-media "$PWD/bare" && whole pack && has out "\"files\":0" &&
    in_packet bare 3 verify && has err "media.missing" &&
    file=data/$(grep -o "media/[^\"]*flac" anna/packet.json | head -n 1) && [ -f "$file" ] &&
    cp "$file" kept && printf x >> "$file" &&
    plain 1 pack --annotator anna "$PWD/bad" && has err "its hash differs" &&
    [ ! -e bad ] && ! ls | grep partial && cp kept "$file"
'

expect_success 'a packet tells nothing of what others say' '
    in_packet anna 0 list --view annotations --columns annotator && lines out 1 &&
    in_packet anna 0 assign --queue ben --json && empty out
'

clips=$("$MEL" -C anna list --columns id | tail -n +2)
first=$(echo "$clips" | sed -n 1p)
second=$(echo "$clips" | sed -n 2p)
answer() { # answer PERSON CLIP GENRE TEXT
    "$MEL" -C "$1" annotate "$2" -a "$1" --set genre="$3" --set tempo=slow --set text="$4"
}

expect_success 'answers are given in the packets and come back' '
    answer anna "$first" Jazz "Anna one." && answer anna "$second" Pop "Anna two." &&
    answer ben "$first" Jazz "Ben one." && answer ben "$second" Rock "Ben two." &&
    mel 0 merge anna ben && whole merge && lines out 2 && has out "\"added\":2" &&
    mel 0 list --view clips --where "id = '\''$first'\''" &&
    has out "\"settled_state\":\"settled\"" && has out "\"genre\":\"jazz\"" &&
    mel 0 merge anna && has out "\"added\":0" && has out "\"known\":2" &&
    mel 0 assign --queue anna && [ "$(grep -c "\"state\":\"submitted\"" out)" -eq 2 ] &&
    plain 0 verify
'

expect_success 'answers also come back in one small file, and a damaged one does not come in' '
    answer carl "$second" Metal "Carl two." &&
    in_packet carl 0 pack "$PWD/carl-answers.tar" &&
    tar tf carl-answers.tar > out && lines out 3 &&
    head -c 60000 carl-answers.tar > cut.tar && plain 1 merge cut.tar && has err "cannot merge" &&
    mel 0 merge carl-answers.tar && whole merge && has out "\"added\":1" &&
    mel 0 merge carl && has out "\"added\":0"
'

expect_success 'packets that are none are told, and the good ones go in' '
    "$MEL" init other 2> /dev/null &&
    mel 3 merge nothing anna data && valid merge && lines out 1 && has err "there is no packet" &&
    has err "no packet.json" &&
    run 1 "$MEL" -C other merge anna && has err "another dataset" &&
    cp -r anna older && printf " " >> older/packet.json && plain 1 merge older && has err damaged
'

expect_success 'only what is disputed is listed, with the answers' '
    mel 0 adjudicate --list --by zoe && valid adjudicate && grep -F "$second" out > lines &&
    lines lines 1 && has lines "\"field\":\"genre\"" && has lines "\"annotator\":\"anna\"" &&
    has lines "\"value\":\"metal\"" && lacks out "$first" &&
    mel 0 adjudicate --list --by carl && has out "$second"
'

expect_success 'a decision covers every disputed field and stays' '
    plain 2 adjudicate "$second" --set tempo=fast --by zoe && has err "still disputed in: genre" &&
    plain 1 adjudicate "$second" --take genre=nobody --by zoe && has err "no submitted answer" &&
    plain 2 adjudicate "$second" --list && plain 2 adjudicate "$second" &&
    mel 0 adjudicate "$second" --set genre=Blues --take text=carl --by zoe && whole adjudicate &&
    mel 0 list --view triplets --where "id = '\''$second'\''" && has out "\"genre\":\"blues\"" &&
    has out "\"text\":\"Carl two.\"" && has out "\"settled_by\":\"adjudicated\"" &&
    "$MEL" -C data annotate "$second" -a dora --set genre=Jazz &&
    mel 0 list --view triplets --where "id = '\''$second'\''" && has out "\"genre\":\"blues\""
'

expect_success 'a reviewer returns an answer, and its author answers again' '
    plain 1 review "$first" -a anna --verdict accept --by carl && has err "has not answered" &&
    mel 0 review "$first" -a ben --verdict return --by zoe -m "listen again" && whole review &&
    mel 0 assign --queue ben && grep -F "$first" out > lines && has lines "\"returned\"" &&
    has lines "listen again" &&
    answer ben "$first" Blues "Ben again." && mel 0 merge ben &&
    mel 0 assign --queue ben && grep -F "$first" out > lines && has lines "\"submitted\"" &&
    mel 0 list --view clips --where "id = '\''$first'\''" && has out "\"settled_state\":\"disputed\""
'

expect_success 'reviews are assigned like work, and are given in a packet too' '
    mel 0 assign --review --batch reviews --where "id = '\''$first'\''" --to rita && whole assign &&
    has out "\"review\":1" && mel 0 pack --annotator rita "$PWD/rita" && has out "\"answers\":2" &&
    in_packet rita 0 review "$first" -a anna --verdict accept --by rita &&
    mel 0 merge rita && has out "\"reviews\":1" &&
    mel 0 assign --queue rita && has out "\"state\":\"submitted\""
'

expect_success 'own answers are asked again, blind and not before their time' '
    mel 0 assign --retest 1 --batch later --to anna && valid assign && has out "\"retest\":2" &&
    mel 0 assign --retest 1 --after 0 --batch again --to anna && has out "\"retest\":2" &&
    mel 0 assign --queue anna && lacks out later && grep -F "\"again\"" out > lines &&
    lines lines 2 && has lines "\"open\"" && lacks lines submitted &&
    plain 1 review "$second" -a carl --verdict accept --by anna && has err "has not answered" &&
    mel 0 pack --annotator anna --batch again "$PWD/again" && whole pack &&
    in_packet again 0 annotate "$second" -a anna~retest --set genre=Rock &&
    mel 0 merge again && has out "\"added\":1" &&
    mel 0 assign --queue anna && grep -F "\"again\"" out | grep -F "$second" > lines &&
    has lines "\"submitted\""
'

expect_success 'what is asked again waits for another packet while the first answer is not given' '
    mel 0 review "$first" -a anna --verdict return --by zoe -m "once more" &&
    mel 0 assign --queue anna && grep -F "\"again\"" out > lines && lacks lines "$first" &&
    has lines "$second" &&
    mel 0 pack --annotator anna "$PWD/mend" && whole pack && has out "\"waiting\":1" &&
    plain 0 pack --annotator anna "$PWD/mend2" && has err "1 clips are asked again in a later packet" &&
    in_packet mend 0 assign --queue anna --json && grep -F "$first" out > lines && lines lines 1 &&
    has lines "\"returned\"" &&
    in_packet mend 0 annotate "$first" -a anna --set text="Anna once more." && mel 0 merge mend &&
    mel 0 assign --queue anna && grep -F "\"again\"" out | grep -F "$first" > lines &&
    has lines "\"open\"" && mel 0 pack --annotator anna "$PWD/due" && has out "\"waiting\":0" &&
    in_packet due 0 list --view annotations --json --where "clip = '\''$first'\''" && empty out
'

expect_success 'a review wants a verdict, another person and, for a dispute, a field' '
    plain 2 review "$first" -a anna --by zoe && plain 2 review "$first" -a anna --verdict no --by zoe &&
    plain 2 review "$first" -a anna --verdict accept --by anna && has err "own answer" &&
    plain 2 review "$first" -a anna --verdict dispute --by zoe && has err "names the fields" &&
    plain 2 review "$first" -a anna --verdict dispute --field genr --by zoe && has err "did you mean" &&
    mel 0 review "$first" -a anna --verdict dispute --field text --by zoe && valid review &&
    has out "\"stage\":\"disputed\"" &&
    mel 0 adjudicate --list --by zoe && grep -F "$first" out > lines && lines lines 2 &&
    plain 0 verify
'
finish
