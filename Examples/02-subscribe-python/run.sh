#!/usr/bin/env bash
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
python=$(find_python)
start_server

# Replaces the background shell, so that the process to kill is the subscriber itself.
subscribe() { exec "$python" "$here/subscribe.py" event/default/example.counter/ "$work/place" 3000 >> "$work/handled"; }
has_handled() { [ "$(wc -l < "$work/handled" 2>/dev/null || echo 0)" -ge "$1" ]; }

for number in $(seq 3000); do
    printf '{"Source": "example.counter", "DetailType": "Count", "Detail": "{\\"number\\": %d}"}\n' "$number"
done > "$work/events.jsonl"

subscribe & subscriber=$!
head -n 1000 "$work/events.jsonl" | "$opsbus" events put - > "$work/ids"
wait_for 20 "the first events" has_handled 100
kill -9 "$subscriber"; wait "$subscriber" 2>/dev/null || true
echo "The subscriber was killed."

sed -n 1001,2000p "$work/events.jsonl" | "$opsbus" events put - >> "$work/ids"
echo "Another thousand events were published while it was away."

subscribe & subscriber=$!
tail -n 1000 "$work/events.jsonl" | "$opsbus" events put - >> "$work/ids"
wait "$subscriber"
# The event it was killed at may have been handled and not yet noted; handling must bear that, as everywhere.
echo "Handled: $(sort -nu "$work/handled" | wc -l) different events, the last one $(tail -n 1 "$work/handled")"
