#!/usr/bin/env bash
# From a fresh clone to a repaired machine: installs missing packages, builds OpsBus, and shows its main job on real
# files of this machine. The only file it changes is a copy of its own in a temporary directory.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

packages=(libzmq3-dev libsqlite3-dev libyaml-dev libsodium-dev libmicrohttpd-dev python3 python3-venv)
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    say "Installing ${missing[*]}"
    if [ "$(id -u)" -eq 0 ]; then sudo=; else sudo=sudo; fi
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq "${missing[@]}" >/dev/null
fi

say "Building (minutes the first time, seconds afterwards)"
swift build -c release --product opsbus --static-swift-stdlib 2>&1 | tail -n 1
export OPSBUS=$PWD/.build/release/opsbus

. Examples/lib.sh
python=$(find_python)
start_server --rules Rules

say "OpsBus runs, with the rules of Rules/ in force and this machine as its node:"
node_is_online() { "$opsbus" nodes list | grep -q Online; }
wait_for 10 "the node to register" node_is_online
node=$("$opsbus" nodes list --output json | "$python" -c \
    'import json, sys; print(json.load(sys.stdin)["InstanceInformationList"][0]["InstanceId"])')
"$opsbus" nodes tag "$node" Name=this-machine role=managed >/dev/null
"$opsbus" nodes list

# Real files to look at, and a copy of one of them that may be harmed.
subject="$work/login.defs"
cp /etc/login.defs "$subject"
chmod 0644 "$subject"
umask=$(awk '$1 == "UMASK" { print $2; exit }' /etc/login.defs)
cat > "$work/expectations.json" <<JSON
[
    {"path": "/etc/passwd", "mode": "0644", "owner": "root:root"},
    {"path": "/etc/login.defs", "key": "UMASK", "value": "$umask"},
    {"path": "$subject", "mode": "0644", "key": "UMASK", "value": "$umask"}
]
JSON
check() { "$python" Examples/check_files.py this-machine "$work/expectations.json"; }

say "A checker inspects real files of this machine:"
(unset OPSBUS_REQUESTS; check)

say "Now a drift: somebody opens our copy of login.defs to everyone and changes a setting in it."
chmod 0666 "$subject"
sed -i 's/^UMASK.*/UMASK 000/' "$subject"

"$python" Examples/narrate.py "$work/subscribed" > "$work/story" &
narrator=$!
wait_for 10 "the subscriber" test -e "$work/subscribed"

say "The checker finds it, and publishes what it found over ZeroMQ:"
check > "$work/findings" && { echo "The checker found nothing." >&2; exit 1; }
cat "$work/findings"
event=$(awk '/^  event / { sub(":", "", $2); print $2; exit }' "$work/findings")

say "The rule configuration-drift fires. What a subscriber of the stream sees:"
wait "$narrator"
cat "$work/story"

say "The checker looks again:"
(unset OPSBUS_REQUESTS; check)

say "Everything that the event caused, from the audit log (opsbus audit trace $event):"
"$opsbus" audit trace "$event" > "$work/trace"
grep -vE 'event/|PutEvents' "$work/trace" | cut -c 1-150
grep -q 'configuration-drift' "$work/trace" && grep -q 'Deliver success' "$work/trace" \
    && grep -q 'UpdateAutomationStatus success' "$work/trace" && grep -q 'UpdateCommandStatus success' "$work/trace" \
    || { echo "The trace does not tell the whole story." >&2; exit 1; }

say "Nobody has changed the record (opsbus audit verify):"
"$opsbus" audit verify

say "Done. Next: README.md, the numbered examples beside this script, and the rules in Rules/."
