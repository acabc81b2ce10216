#!/usr/bin/env bash
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
mkdir "$work/rules"
cd "$work"

# Writes the rule; $1 is the pattern for the queue's length.
write_rule() {
    cat > rules/queue-too-long.yaml <<YAML
Name: queue-too-long
EventPattern:
  source: [example.queue]
  detail:
    waiting: [$1]
Targets:
  - Id: log
    Arn: arn:aws:logs:::log-group:/example/queues
    InputTransformer:
      InputPathsMap: {queue: \$.detail.queue, waiting: \$.detail.waiting}
      InputTemplate: '"<waiting> wait in <queue>"'
Tests:
  - Name: a thousand are too many
    Event: {source: example.queue, detail: {queue: mail, waiting: 1000}}
    Matches: true
    Targets: {log: 1000 wait in mail}
  - Name: ten are not
    Event: {source: example.queue, detail: {queue: mail, waiting: 10}}
    Matches: false
YAML
}

echo "A first try, with a mistake:"
write_rule '{nummeric: [">", 1000]}'
"$opsbus" rules check rules || true

echo "It reads well now, but does not do what its test says:"
write_rule '{numeric: [">", 1000]}'
"$opsbus" rules check rules
"$opsbus" rules test rules || true

echo "Why not?"
echo '{"source": "example.queue", "detail-type": "Length", "detail": {"queue": "mail", "waiting": 1000}}' > event.json
"$opsbus" rules explain queue-too-long --from rules --event event.json || true

echo "A server runs already; it takes up the mended rule by itself:"
start_server --rules rules
write_rule '{numeric: [">=", 1000]}'
"$opsbus" rules test rules
rule_is_mended() { "$opsbus" rules describe queue-too-long --output json | grep -q '>='; }
wait_for 10 "the new version of the rule" rule_is_mended

id=$("$opsbus" events put --source example.queue --detail-type Length --detail '{"queue": "mail", "waiting": 1000}')
has_fired() { [ "$("$opsbus" logs tail /example/queues | wc -l)" -ge 1 ]; }
wait_for 10 "the rule to fire" has_fired
"$opsbus" logs tail /example/queues --output json | grep -o '1000 wait in mail'
"$opsbus" rules explain queue-too-long --event "$id"
