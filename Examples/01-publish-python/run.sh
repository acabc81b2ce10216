#!/usr/bin/env bash
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
python=$(find_python)
start_server
"$python" "$here/publish.py"
