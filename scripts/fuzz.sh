#!/usr/bin/env bash
# Fuzzes parse -> grid -> record -> parse back under Address- and UndefinedBehaviorSanitizer.
#
#   scripts/fuzz.sh [SECONDS]     # default 60; 0 goes on until something is found or Ctrl-C
#   scripts/fuzz.sh SECONDS -runs=1000000 ...     # further words go to libFuzzer
#
# The corpus grows in build/fuzz/corpus, from seeds that csrc/fuzz/make_corpus.py writes. What breaks
# the target is left in build/fuzz/findings, and its name is printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
  echo "fuzz.sh: $*" >&2
  exit 2
}
for tool in clang++ cmake python3; do
  command -v "$tool" >/dev/null ||
    fail "needs $tool; install it (Debian, Ubuntu: apt-get install clang cmake python3)"
done
seconds=${1:-60}
[[ $seconds =~ ^[0-9]+$ ]] || fail "SECONDS is a whole number, not '$seconds'"

build=build/fuzz
cmake -S . -B "$build" -DCMAKE_CXX_COMPILER=clang++ -DGROOVEFAST_FUZZ=ON \
  -DGROOVEFAST_SANITIZE=address,undefined -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$build" --target groove_fuzzer --parallel
mkdir -p "$build/corpus" "$build/findings"
PYTHONPATH=tests PYTHONDONTWRITEBYTECODE=1 python3 csrc/fuzz/make_corpus.py "$build/seeds"

exec "$build/csrc/fuzz/groove_fuzzer" -max_total_time="$seconds" -max_len=512 -timeout=5 \
  -rss_limit_mb=1024 -print_final_stats=1 -dict=csrc/fuzz/midi.dict \
  -artifact_prefix="$build/findings/" "${@:2}" "$build/corpus" "$build/seeds"
