#!/usr/bin/env bash
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
start_server --rules "$here/rules"

"$opsbus" events put --source example.backup --detail-type 'Backup Finished' --detail '{"host": "db-1", "bytes": 7340032}' > "$work/id"
echo "An event was put; its id has $(tr -d '\n' < "$work/id" | wc -c) characters."

for host in db-2 db-3 db-4; do
    printf '{"Source": "example.backup", "DetailType": "Backup Finished", "Detail": "{\\"host\\": \\"%s\\", \\"bytes\\": 0}"}\n' "$host"
done | "$opsbus" events put - --output json > "$work/answer"
echo "Three more came through a pipe: $(grep -o EventId "$work/answer" | wc -l) ids."

three_lines() { [ "$("$opsbus" logs tail /example/backups | wc -l)" -ge 3 ]; }
wait_for 10 "the rule empty-backup" three_lines
echo "The rule empty-backup found:"
"$opsbus" logs tail /example/backups --output json | tr ',' '\n' | grep -o 'db-[0-9] has an empty backup' | sort
