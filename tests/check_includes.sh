#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The rules of the house that no compiler knows, over all C, CUDA and shell files:
#   - who may include whom (the table below), and only by the folder's own header;
#   - which library is met in which folder; no cycles between headers;
#   - the SPDX line, a reason in files of over 800 lines, functions that nobody may call.
#
# usage: check_includes.sh [ROOT]        one line for each offence; exit 1 when there is any
set -eu
LC_ALL=C
export LC_ALL
root=${1:-$(dirname "$0")/..}
cd "$root"
files=$(mktemp)
trap 'rm -f "$files"' EXIT

find . \( -name '.?*' -o -name 'build*' -o -name demo \) -prune -o -type f \
    \( -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.sh' \) -print |
    sed 's|^\./||' | sort > "$files"

awk '
function offence(what) {
    printf "%s:%d: %s\n", file, number, what
    offences++
}

# May files in folder `from` include headers of folder `to`?
function may_include(from, to) {
    return from == to || from == "tests" || from == "cli" ||
           index(" " allowed[from] " ", " " to " ") > 0
}

# May folder `from` include this header of another folder?
function is_door(from, to, header) {
    if (from == "tests" || header == to "/" to ".h") return 1
    return from == "trainer" && to == "engine" && header ~ /^engine\/(tensor|ops|nets)\.h$/
}

function check_own(header,   to) {
    if (header !~ /\//) {
        offence("include \"" header "\" by its folder: \"" folder "/" header "\"")
        return
    }
    to = header
    sub(/\/.*/, "", to)
    if (header ~ /(^|\/)\.\.?(\/|$)/) offence("a path with dots: \"" header "\"")
    else if (!(to in allowed)) offence("\"" header "\" is in no folder of the house")
    else if (!may_include(folder, to)) offence(folder " may not include " to ": \"" header "\"")
    else if (to != folder && !is_door(folder, to, header))
        offence("another folder is included by its one header, not \"" header "\"")
    edges[file] = edges[file] " " header
}

function check_library(header) {
    if (folder == "tests") return
    if (header ~ /^sqlite3/ && folder != "db") offence("<" header "> is for db only")
    if (header ~ /^(libav|libsw|curl\/)/ && folder != "curator")
        offence("<" header "> is for curator only")
    if (header ~ /^sndfile/ && folder != "base" && folder != "curator")
        offence("<" header "> is for base and curator only")
    if (header ~ /^(gtk|adwaita|gdk)/ && folder != "annotator")
        offence("<" header "> is for annotator only")
}

# The line without comments, and with strings and characters emptied.
function code_of(line,   out, i, n, c, two) {
    if (!in_comment && line !~ /["\047\/]/) return line
    out = ""
    n = length(line)
    for (i = 1; i <= n; i++) {
        c = substr(line, i, 1)
        two = substr(line, i, 2)
        if (in_comment) {
            if (two == "*/") { in_comment = 0; i++ }
        } else if (quote != "") {
            if (c == "\\") i++
            else if (c == quote) { quote = ""; out = out c }
        } else if (two == "/*") { in_comment = 1; i++ }
        else if (two == "//") break
        else {
            if (c == "\"" || c == "\047") quote = c
            out = out c
        }
    }
    quote = ""
    return out
}

function check_calls(code,   name, before, rest) {
    rest = " " code
    while (match(rest, /[^A-Za-z0-9_](strcpy|strcat|sprintf|strtok|atoi|localtime|gets|system)[ \t]*\(/)) {
        before = substr(rest, 1, RSTART)
        name = substr(rest, RSTART + 1, RLENGTH - 1)
        sub(/[ \t]*\($/, "", name)
        if (before !~ /(\.|->)$/ && !(name == "system" && folder == "tests"))
            offence(name "() is banned")
        rest = substr(rest, RSTART + RLENGTH)
    }
}

function check_top(line) {
    if (number == 1 && file ~ /\.sh$/ && line ~ /^#!/) return
    if (number == 1 || (number == 2 && file ~ /\.sh$/ && !licensed)) {
        licensed = line ~ /SPDX-License-Identifier: Apache-2\.0/
        if (!licensed) offence("the file does not start with its SPDX line")
    }
    if (number <= 20 && tolower(line) ~ /over 800 lines/) reasoned = 1
}

function finish_file() {
    if (number > 800 && !reasoned)
        offence("over 800 lines: split it, or say at its top why it is over 800 lines")
}

function read_file(   line, code, header) {
    number = in_comment = licensed = reasoned = 0
    quote = ""
    folder = file
    if (!sub(/\/.*/, "", folder)) folder = "."
    while ((getline line < file) > 0) {
        number++
        check_top(line)
        if (file ~ /\.sh$/) continue
        if (!in_comment && line ~ /^[ \t]*#[ \t]*include[ \t]*["<]/) {
            header = line
            sub(/^[ \t]*#[ \t]*include[ \t]*/, "", header)
            if (header ~ /^"/) { sub(/^"/, "", header); sub(/".*/, "", header); check_own(header) }
            else { sub(/^</, "", header); sub(/>.*/, "", header); check_library(header) }
            continue
        }
        code = code_of(line)
        if (code ~ /\(/) check_calls(code)
    }
    close(file)
    finish_file()
}

# Takes away, again and again, what includes nothing that is left and what nothing left includes:
# the rest stands in cycles.
function check_cycles(   gone, again, f, n, i, parts, out, into, list) {
    do {
        again = 0
        split("", into)
        for (f in edges) {
            if (f in gone) continue
            n = split(edges[f], parts, " ")
            for (i = 1; i <= n; i++) into[parts[i]] = 1
        }
        for (f in edges) {
            if (f in gone) continue
            out = 0
            n = split(edges[f], parts, " ")
            for (i = 1; i <= n; i++)
                if (parts[i] in edges && !(parts[i] in gone)) out = 1
            if (!out || !(f in into)) { gone[f] = 1; again = 1 }
        }
    } while (again)
    for (f in edges) {
        if (f in gone) continue
        list = ""
        n = split(edges[f], parts, " ")
        for (i = 1; i <= n; i++)
            if (parts[i] in edges && !(parts[i] in gone)) list = list " " parts[i]
        file = f
        number = 1
        offence("in a cycle of includes, by" list)
    }
}

BEGIN {
    allowed["base"] = ""
    allowed["db"] = allowed["engine"] = "base"
    allowed["curator"] = "db base"
    allowed["trainer"] = "engine base"
    allowed["annotator"] = "curator db base"
    allowed["cli"] = allowed["tests"] = "" # every folder, see may_include
}
{ file = $0; files++; read_file() }
END {
    check_cycles()
    if (!files) { print "no file to check"; exit 1 }
    if (offences) { printf "%d offences in %d files\n", offences, files; exit 1 }
    printf "%d files are in order\n", files
}' "$files"
