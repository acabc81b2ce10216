#!/usr/bin/env bash
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
# Beside the repository's own build, so that neither disturbs the other.
swift build --package-path "$here" --scratch-path "$root/.build/examples" > "$work/build.log" 2>&1 \
    || { cat "$work/build.log" >&2; exit 1; }
start_server
"$root/.build/examples/debug/publish"
