#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mel stats --html: one page that stands alone.
. "$(dirname "$0")/lib.sh"
make_dataset data 120 || exit 1
"$MEL" -C data stats --html page.html --title 'A & B <season "1">' > out 2> err || exit 1

expect_success 'the page is written whole, and says so on stderr only' '
    empty out && has err "page.html" &&
    [ "$(head -n 1 page.html)" = "<!DOCTYPE html>" ] && [ "$(tail -n 1 page.html)" = "</html>" ] &&
    [ "$(wc -c < page.html)" -lt 3000000 ] && [ "$(ls)" = "$(printf "data\nerr\nout\npage.html")" ]
'

expect_success 'it loads nothing: no scripts, no sources but data, a policy that says so' '
    lacks page.html "<script" && lacks page.html "<link" && lacks page.html "@import" &&
    lacks page.html "url(" && has page.html "default-src '\''none'\''" &&
    ! grep -oE "(src|srcset|poster|data)=\"[^\"]{0,30}" page.html | grep -v "^src=\"data:image/jpeg;base64,"
'

expect_success 'it is well-formed, and every section is there' '
    /usr/bin/python3 -c "
import html.parser
class Page(html.parser.HTMLParser):
    void = {\"meta\", \"br\", \"img\"}
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.svgs, self.images = [], [], 0, 0
    def handle_starttag(self, tag, attrs):
        self.ids += [v for k, v in attrs if k == \"id\"]
        self.svgs += tag == \"svg\"
        self.images += tag == \"img\"
        if tag not in self.void: self.open.append(tag)
    def handle_startendtag(self, tag, attrs):
        pass
    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (self.getpos(), tag, self.open)
        self.open.pop()
page = Page()
page.feed(open(\"page.html\", encoding=\"utf-8\").read())
assert page.open == [], page.open
assert page.ids == [\"funnel\", \"genres\", \"distributions\", \"gallery\", \"splits\", \"passes\",
                    \"failures\", \"duplicates\", \"annotators\", \"measures\"], page.ids
assert page.svgs == 14 and page.images == 24, (page.svgs, page.images)"
'

expect_success 'texts from outside are escaped' '
    has page.html "<title>A &amp; B &lt;season &quot;1&quot;&gt;</title>" &&
    has page.html "Rock &amp; Roll &lt;live&gt; &quot;unplugged&quot;" &&
    lacks page.html "<live>" && lacks page.html "<rubato>"
'

expect_success 'the pictures are whole JPEG files, small ones' '
    /usr/bin/python3 -c "
import base64, re
pictures = re.findall(r\"data:image/jpeg;base64,([^\\\"]*)\", open(\"page.html\").read())
for picture in pictures:
    jpeg = base64.b64decode(picture, validate=True)
    assert jpeg[:2] == b\"\\xff\\xd8\" and jpeg[-2:] == b\"\\xff\\xd9\" and len(jpeg) < 60000"
'

expect_success 'the same dataset gives the same gallery' '
    "$MEL" -C data stats --html again.html -q &&
    grep -c "<article>" page.html > a && grep -c "<article>" again.html > b && cmp a b &&
    sed -n "/class=\"cards\"/,/<figcaption>/p" page.html > a &&
    sed -n "/class=\"cards\"/,/<figcaption>/p" again.html > b && cmp a b
'

expect_success 'without a title it is the folder that names the page' '
    has again.html "<title>data</title>"
'

expect_success 'a still that is gone or spoilt leaves a note in its place' '
    cp -R data spoilt &&
    find spoilt/media -name "*.jpg" | sed -n "1~2p" | xargs rm &&
    find spoilt/media -name "*.jpg" -exec truncate -s 30 {} + &&
    run 0 "$MEL" -C spoilt stats --html spoilt.html &&
    has spoilt.html "the still could not be read" && lacks spoilt.html "image/jpeg"
'

expect_success 'sound only when it is asked for' '
    lacks page.html "<audio" &&
    "$MEL" -C data list --view triplets --columns audio_path | tail -n +2 | while read -r path; do
        printf "fLaC" > "data/$path"
    done &&
    run 0 "$MEL" -C data stats --html loud.html --with-audio &&
    has loud.html "src=\"data:audio/flac;base64,ZkxhQw==\""
'

expect_success 'an empty dataset has a page too' '
    make_dataset --bare none 0 && run 0 "$MEL" -C none stats --html none.html &&
    has none.html "No clip has a settled genre yet" && has none.html "No filtering pass has been run"
'

expect_success 'a page that cannot be written is an error, and nothing is left' '
    run 1 "$MEL" -C data stats --html nowhere/page.html && has err "nowhere/page.html" && empty out
'
finish
