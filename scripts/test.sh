#!/usr/bin/env bash
# Makes .venv, installs GrooveFast with what its tests need, and runs them.
# Words after the command go to pytest: scripts/test.sh -k tfrecord
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

ensure_venv test
cd "$root"
exec "$venv/bin/python" -m pytest "$@"
