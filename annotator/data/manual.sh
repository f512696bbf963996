#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# manual.sh TEMPLATE KEYS.def VERSION: the manual page, with the keys as the program has them.
set -eu
awk -v version="$3" '
FNR == NR { # KEY(name, N_("label"), "keys")
    if (split($0, part, "\"") >= 5 && /^KEY\(/) {
        keys = part[4]
        gsub(/ /, ", ", keys)
        gsub(/-/, "\\-", keys)
        table = table ".TP\n.B " keys "\n" part[2] "\n"
    }
    next
}
/^@KEYS@$/ { printf "%s", table; next }
{ gsub(/@VERSION@/, version); print }' "$2" "$1"
