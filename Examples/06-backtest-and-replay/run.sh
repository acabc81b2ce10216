#!/usr/bin/env bash
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
mkdir "$work/rules"
cd "$work"

# Writes the rule to a file; $2 is the pattern for the disk's use.
write_rule() {
    cat > "$1" <<YAML
Name: disk-nearly-full
EventPattern:
  source: [example.disks]
  detail:
    percent: [{numeric: [">=", $2]}]
Targets:
  - Id: log
    Arn: arn:aws:logs:::log-group:/example/disks
    InputTransformer:
      InputPathsMap: {disk: \$.detail.disk, percent: \$.detail.percent}
      InputTemplate: '"<disk> is <percent> % full"'
YAML
}

write_rule rules/disks.yaml 95
start_server --rules rules
"$opsbus" archives create disks --pattern '{"source": ["example.disks"]}' --retention-days 30 > /dev/null

for percent in 70 85 91 97; do
    echo "{\"Source\": \"example.disks\", \"DetailType\": \"Use\", \"Detail\": {\"disk\": \"sd$percent\", \"percent\": $percent}}"
done > events.jsonl
"$opsbus" events put events.jsonl

echo "The rule in force speaks at 95 %. What would it have said from 90 % on?"
write_rule edited.yaml 90
"$opsbus" rules backtest edited.yaml --archive disks | head -n 2

echo "The edit goes in; the server takes it up by itself:"
cp edited.yaml rules/disks.yaml
rule_is_edited() { "$opsbus" rules describe disk-nearly-full --output json | grep -q ', \?90\]'; }
wait_for 10 "the edited rule" rule_is_edited

echo "A dry run says what a replay would do, and the replay does it:"
"$opsbus" replays start try --archive disks --from 1h --dry-run --wait | tail -n 2
"$opsbus" replays start again --archive disks --from 1h --rules disk-nearly-full --wait | grep -E '^(State|Events)'
are_logged() { [ "$("$opsbus" logs tail /example/disks | wc -l)" -eq 3 ]; }
wait_for 10 "the replayed events" are_logged
"$opsbus" logs tail /example/disks --output json | grep -o 'sd[0-9]* is [0-9]* % full' | sort | uniq -c
