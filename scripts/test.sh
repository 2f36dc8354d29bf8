#!/usr/bin/env bash
# Makes .venv, installs GrooveFast with what its tests need, and runs them.
# Two processes share the files of tests, most of which keep one core busy. Words after the command go
# to pytest: scripts/test.sh -k tfrecord, scripts/test.sh -n 0 in one process
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

ensure_venv test
cd "$root"
exec "$venv/bin/python" -m pytest --numprocesses auto --maxprocesses 2 --dist loadfile "$@"
