#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# check_includes.sh finds what it is there to find: a small house in order passes, and each fault
# planted in a copy of it is named, alone.
set -eu
check=$(cd "$(dirname "$0")" && pwd)/check_includes.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
spdx='/* SPDX-License-Identifier: Apache-2.0 */'
failures=0

# put FILE LINE...: a file with its SPDX line
put() {
    target=$work/house/$1
    shift
    mkdir -p "$(dirname "$target")"
    { echo "$spdx"; [ $# -eq 0 ] || printf '%s\n' "$@"; } > "$target"
}

build_house() {
    rm -rf "$work/house"
    put base/base.h '#include "base/str.h"'
    put base/str.h '#include <string.h>'
    put base/str.c '#include "base/str.h"' '/* strcpy(a, b) and "system(x)" are words here */' \
        'const char *a = "sprintf(x)"; int strtok_r(void); // atoi(x)' \
        "char q = '\"', r = '\\''; int my_gets(void); void f(void) { x->system(1); }"
    put db/db.h '#include "base/base.h"' '#include "db/clip.h"'
    put db/clip.h '#include <sqlite3.h>'
    put engine/engine.h '#include "base/base.h"' '#include "engine/tensor.h"'
    put engine/tensor.h
    put curator/curator.h '#include "db/db.h"' '#include "base/base.h"'
    put curator/media.c '#include "curator/curator.h"' '#include <libavformat/avformat.h>' \
        '#include <curl/curl.h>' '#include <sndfile.h>'
    put trainer/trainer.h '#include "engine/engine.h"' '#include "engine/tensor.h"'
    put annotator/main.c '#include "curator/curator.h"' '#include <gtk/gtk.h>'
    put cli/main.c '#include "curator/curator.h"' '#include "engine/engine.h"' \
        '#include "trainer/trainer.h"'
    put tests/db/test_x.c '#include "db/clip.h"' '#include <sqlite3.h>' \
        'int f(void) { return system("true"); }'
    put build/x.c '#include "nowhere/x.h"'
}

complain() {
    echo "FAILED: $1"
    sed 's/^/    /' "$work/out"
    failures=$((failures + 1))
}

in_order() {
    sh "$check" "$work/house" > "$work/out" 2>&1 || complain "$1"
}

# planted WHAT WORDS: the check fails with one line of offence, which has these words
planted() {
    if sh "$check" "$work/house" > "$work/out" 2>&1; then complain "$1: not found"
    elif ! grep -qF "$2" "$work/out" || ! grep -q '^1 offences' "$work/out"; then complain "$1"
    fi
    build_house
}

build_house
in_order 'a house in order'

put base/bad.c '#include "db/db.h"'
planted 'base includes db' 'base/bad.c:2: base may not include db'
put db/bad.c '#include "curator/curator.h"'
planted 'db includes curator' 'db may not include curator'
put engine/bad.c '#include "db/db.h"'
planted 'engine includes db' 'engine may not include db'
put curator/bad.c '#include "engine/engine.h"'
planted 'curator includes engine' 'curator may not include engine'
put trainer/bad.c '#include "curator/curator.h"'
planted 'trainer includes curator' 'trainer may not include curator'
put annotator/bad.c '#include "engine/engine.h"'
planted 'annotator includes engine' 'annotator may not include engine'
put curator/bad.c '#include "cli/cli.h"'
planted 'curator includes cli' 'curator may not include cli'
put db/bad.c '#include "tests/support/test.h"'
planted 'db includes tests' 'db may not include tests'
put curator/bad.c '  #  include "db/clip.h"'
planted 'a header that is no door' 'not "db/clip.h"'
put cli/bad.c '#include "engine/tensor.h"'
planted 'a door of engine that is for the trainer' 'not "engine/tensor.h"'
put base/bad.c '#include "str.h"'
planted 'a header without its folder' 'by its folder: "base/str.h"'
put base/bad.c '#include "base/../db/db.h"'
planted 'a path with dots' 'a path with dots'
put base/bad.c '#include "elsewhere/x.h"'
planted 'a folder that is none' 'in no folder of the house'
put engine/bad.c '#include <sqlite3.h>'
planted 'SQLite outside db' '<sqlite3.h> is for db only'
put trainer/bad.cu '#include <libavcodec/avcodec.h>'
planted 'FFmpeg outside curator' '<libavcodec/avcodec.h> is for curator only'
put cli/bad.c '#include <curl/curl.h>'
planted 'curl outside curator' '<curl/curl.h> is for curator only'
put curator/bad.c '#include <gtk/gtk.h>'
planted 'GTK outside annotator' '<gtk/gtk.h> is for annotator only'
for name in strcpy strcat sprintf strtok atoi localtime gets system; do
    put curator/bad.c '/* a comment' 'of two lines */' "int x = $name (y);"
    planted "$name" "curator/bad.c:4: $name() is banned"
done
put tests/db/test_y.c 'void f(char *a) { strcpy(a, "x"); }'
planted 'strcpy in a test' 'strcpy() is banned'
put base/bad.c 'const char *a = "\\"; int b = atoi(a);'
planted 'a call behind a string that ends in a backslash' 'atoi() is banned'
printf 'int x;\n' > "$work/house/base/bad.c"
planted 'a file without its SPDX line' 'base/bad.c:1: the file does not start with its SPDX line'
printf '#!/bin/sh\ntrue\n' > "$work/house/tests/bad.sh"
planted 'a script without its SPDX line' 'tests/bad.sh:2: the file does not start with'
{ echo "$spdx"; yes 'int x;' | head -n 800; } > "$work/house/base/bad.c"
planted 'a file that is too long' 'over 800 lines'

{ echo "$spdx"; echo '/* Over 800 lines because the table is one. */'; yes 'int x;' | head -n 800; } \
    > "$work/house/base/long.c"
in_order 'a long file that says why'
build_house

put base/a.h '#include "base/b.h"'
put base/b.h '#include "base/a.h"'
if sh "$check" "$work/house" > "$work/out" 2>&1; then complain 'a cycle: not found'; fi
grep -qF 'base/a.h:1: in a cycle of includes, by base/b.h' "$work/out" || complain 'a cycle, one side'
grep -qF 'base/b.h:1: in a cycle of includes, by base/a.h' "$work/out" || complain 'a cycle, other side'
grep -q '^2 offences' "$work/out" || complain 'a cycle: more was named'

rm -rf "$work/house"
mkdir "$work/house"
if sh "$check" "$work/house" > "$work/out" 2>&1; then complain 'an empty house'; fi

[ "$failures" -eq 0 ] || exit 1
echo 'every planted fault is found'
