#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# update.sh: melkit.pot made anew from the sources, and every translation brought to it. What is new
# is then empty, and what has changed is marked fuzzy: both are a translator's work, and a failed test.
set -eu
cd "$(dirname "$0")"
sh extract.sh melkit.pot
while read -r language; do
    msgmerge --quiet --update --backup=none --previous --add-location=file "$language.po" melkit.pot
done <LINGUAS
