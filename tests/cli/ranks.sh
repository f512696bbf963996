# SPDX-License-Identifier: Apache-2.0
#
# What the scripts about several processes that train as one share; sourced behind lib.sh.
column() { # column KEY RUN: its values in the run's metrics
    grep "\"$1\"" "runs/$2/metrics.jsonl" | sed "s/.*\"$1\":\([^,}]*\).*/\1/"
}
near() { # near KEY A B: the same in both runs, within 1e-5 of each
    column "$1" "$2" > a && column "$1" "$3" > b && [ -s a ] && paste a b |
        awk '{ d = $1 - $2; m = $1 < 0 ? -$1 : $1; if ((d < 0 ? -d : d) > 1e-5 * m) { print "'"$1"' differs: " $0; bad = 1 } } END { exit bad }'
}
state() { # state RUN STEP
    sha256sum < "runs/$1/checkpoints/$(printf 'step-%08d' "$2")/state.safetensors"
}
stepped() { # stepped RUN LINES: waits until the run has so many
    tries=0
    until [ "$(grep -c gradient_norm "runs/$1/metrics.jsonl" 2>/dev/null || :)" -ge "$2" ] 2>/dev/null; do
        tries=$((tries + 1)); [ $tries -gt 600 ] && return 1; sleep 0.1
    done
}
child() { # child LAUNCHER RANK: the process that plays this rank
    for process in $(ps -o pid= --ppid "$1"); do
        tr '\0' '\n' < "/proc/$process/environ" 2>/dev/null | grep -qx "RANK=$2" && echo "$process" && return
    done
}
