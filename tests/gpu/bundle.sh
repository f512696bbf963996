#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A folder with the programs of run.sh, the libraries they need and their test data: for a machine that
# has a GPU and its driver but none of Melkit's packages (most clusters).
# usage: bundle.sh BUILD FOLDER, which also makes FOLDER.tar.xz; there: sh FOLDER/gpu.sh
# /absolute/REPORT.md. BUILD was configured with -DMEL_TEST_DATA=tests/data and, so that the programs
# share the kernels, -DBUILD_SHARED_LIBS=ON (./do gpu bundle does all of it).
set -eu
cd "$(dirname "$0")/../.."
build=$1 folder=$2
rm -rf "$folder"
mkdir -p "$folder/lib" "$folder/tests/parity"
for program in "$build"/bin/gpu_* "$build/bin/bench-engine" "$build/bin/bench-clip" \
    "$build/bin/mel-full-model"; do
    cp "$program" "$folder"
    strip "$folder/$(basename "$program")"
    ldd "$program" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p'
done | sort -u | while read -r library; do cp -L "$library" "$folder/lib"; done
strip "$folder"/lib/libmel_*.so 2>/dev/null || :
cp -L /lib64/ld-linux-x86-64.so.2 "$folder/lib/ld.so"
cp tests/parity/bench_torch.py "$folder/tests/parity"
cp -r tests/data "$folder/tests"
cp tests/gpu/run.sh "$folder"
cat >"$folder/gpu.sh" <<TEXT
#!/bin/sh
export MEL_COMMIT=$(git rev-parse --short HEAD)
cd "\$(dirname "\$0")" && exec sh ./run.sh . "\$@"
TEXT
tar c -C "$(dirname "$folder")" "$(basename "$folder")" | xz -T0 -6 >"$folder.tar.xz"
du -sh "$folder" "$folder.tar.xz"
