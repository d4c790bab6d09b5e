#!/usr/bin/env bash
# make_venv.sh PYTHON FOLDER: a virtual environment with pip, or one sentence that says what is missing.
set -euo pipefail
python=$1
folder=$2

fail() {
    echo "make setup: $1" >&2
    exit 1
}

if ! command -v "$python" >/dev/null; then
    fail "'$python' was not found. Install Python 3.11 or newer, or name one: make setup PYTHON=/path/to/python3.12"
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    fail "$("$python" --version) is too old: Python 3.11 or newer is needed. Name one: make setup PYTHON=/path/to/python3.12"
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    fail "$python cannot create virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
fi
if ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    "$python" -m venv "$folder"
fi
