#!/usr/bin/env bash
# Runs the tests of what is compiled, those in C++ and those through the extension, under sanitizers:
# Address- and UndefinedBehaviorSanitizer for all of it, ThreadSanitizer for the conversion and its
# workers.
#
#   scripts/sanitize.sh [address,undefined|thread ...]     # default both
#
# TensorFlow is left out: it is no code of ours, and does not run under either.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"
cd "$root"

declare -A tests=(
  [address,undefined]="tests/midi/test_score.py tests/windows/test_grid.py tests/windows/test_tokens.py
    tests/conversion/test_tfrecord.py tests/windows/test_tensors.py tests/conversion/test_convert.py
    tests/conversion/test_output.py tests/conversion/test_archives.py tests/midi/test_meters.py
    tests/playing/test_grid_bars.py tests/model/test_numpy_layers.py"
  [thread]="tests/conversion/test_convert.py tests/conversion/test_archives.py"
)

library() {
  local path
  path=$(g++ -print-file-name="$1")
  [[ $path == /* ]] || fail "g++ has no $1; install g++ with its sanitizers (Debian, Ubuntu: g++)"
  echo "$path"
}

# The package, with a sanitized extension, in a folder of its own.
install_sanitized() {
  CXX=g++ SKBUILD_CMAKE_DEFINE="GROOVEFAST_WERROR=ON;GROOVEFAST_SANITIZE=$1" \
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --upgrade \
    --config-settings=build-dir="$2/cmake" --config-settings=install.strip=false \
    --target "$2/site" .
}

# The tests of csrc/tests, which need no Python.
run_cpp_tests() {
  cmake -S . -B "$2/cpp" -DCMAKE_CXX_COMPILER=g++ -DGROOVEFAST_TESTS=ON -DGROOVEFAST_WERROR=ON \
    -DGROOVEFAST_SANITIZE="$1" >/dev/null
  cmake --build "$2/cpp" --parallel
  ctest --test-dir "$2/cpp" --output-on-failure
}

# The sanitizer's library has to come first in the process. The current folder and the finder of the
# editable installation would lead to the package without it.
run_tests() {
  local runtime=$1 site=$2
  shift 2
  LD_PRELOAD="$runtime $(library libstdc++.so)" PYTHONPATH=$site ASAN_OPTIONS=detect_leaks=0 \
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    TSAN_OPTIONS="halt_on_error=1 suppressions=$root/scripts/tsan.supp" \
    setarch --addr-no-randomize "$venv/bin/python" - "$@" <<'PYTHON'
import pathlib
import sys

sys.path.remove("")
sys.meta_path = [each for each in sys.meta_path if "ScikitBuild" not in type(each).__name__]
import groovefast._records

assert pathlib.Path(groovefast._records.__file__).parts[-3] == "site", groovefast._records.__file__
import pytest

sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
PYTHON
}

ensure_venv test
for sanitizers in "${@:-address,undefined thread}"; do
  for sanitizer in $sanitizers; do
    [[ -n ${tests[$sanitizer]:-} ]] || fail "no such sanitizers: $sanitizer; ${!tests[*]} are known"
    folder=$root/build/sanitize-${sanitizer/,/-}
    case $sanitizer in thread) runtime=libtsan.so ;; *) runtime=libasan.so ;; esac
    printf '%s\n' "Testing under $sanitizer"
    if [[ $sanitizer != thread ]]; then run_cpp_tests "$sanitizer" "$folder"; fi
    install_sanitized "$sanitizer" "$folder"
    # shellcheck disable=SC2086 - a list of files
    run_tests "$(library $runtime)" "$folder/site" ${tests[$sanitizer]}
  done
done
