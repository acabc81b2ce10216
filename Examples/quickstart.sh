#!/usr/bin/env bash
# From a fresh clone to a repaired machine: installs missing packages, builds OpsBus, and shows its main job on real
# files of this machine. The only file it changes is a copy of its own in a temporary directory.
#
# With OPSBUS set to a program that is built already, it installs and builds nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

install_packages() {
    local packages=(libzmq3-dev libsqlite3-dev libyaml-dev libsodium-dev libmicrohttpd-dev libcurl4-gnutls-dev python3 python3-zmq)
    local package missing=() sudo=sudo
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Installing ${missing[*]}"
    if [ "$(id -u)" -eq 0 ]; then sudo=; fi
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq "${missing[@]}" >/dev/null
}

if [ -z "${OPSBUS:-}" ]; then
    install_packages
    say "Building (minutes the first time, seconds afterwards)"
    swift build -c release --product opsbus --static-swift-stdlib 2>&1 | tail -n 1
    export OPSBUS=$PWD/.build/release/opsbus
fi

. Examples/lib.sh
python=$(find_python)

# Real files to look at, and a copy of one of them that may be harmed.
subject="$work/login.defs"
cp /etc/login.defs "$subject"
chmod 0644 "$subject"
umask=$(awk '$1 == "UMASK" { print $2; exit }' /etc/login.defs)
cat > "$work/expectations.json" <<JSON
[
    {"check": "passwd", "path": "/etc/passwd", "mode": "0644", "owner": "root:root"},
    {"check": "login-defs", "path": "/etc/login.defs", "key": "UMASK", "value": "$umask"},
    {"check": "login-defs-copy", "path": "$subject", "mode": "0644", "key": "UMASK", "value": "$umask"}
]
JSON
check() { "$python" Examples/check_files.py this-machine "$work/expectations.json"; }

# The documents of Rules/, and one rule, which holds what the copy should be: an event only names a node and a check.
mkdir "$work/rules"
cp -R Rules/documents Rules/events/failed-remediation.yaml "$work/rules"
cat > "$work/rules/login-defs-copy-drift.yaml" <<YAML
Name: login-defs-copy-drift
EventPattern:
  source: [opsbus.checker]
  detail-type: [Compliance Change]
  detail:
    status: [NON_COMPLIANT]
    check: [login-defs-copy]
Targets:
  - Id: repair
    Arn: arn:aws:ssm:::automation-definition/Remediate-FileDrift
    InputTransformer:
      InputPathsMap: {node: \$.detail.node}
      InputTemplate:
        Node: ["<node>"]
        Path: ["$subject"]
        Mode: ["0644"]
        Settings: ["UMASK $umask"]
YAML

say "A rule, as it is kept in git (opsbus rules check says that it is sound):"
sed 's/^/  /' "$work/rules/login-defs-copy-drift.yaml"
"$opsbus" rules check "$work/rules"

start_server --rules "$work/rules"
say "OpsBus runs, with this machine as its node:"
node_is_online() { "$opsbus" nodes list | grep -q Online; }
wait_for 10 "the node to register" node_is_online
node=$("$opsbus" nodes list --output json | "$python" -c \
    'import json, sys; print(json.load(sys.stdin)["InstanceInformationList"][0]["InstanceId"])')
"$opsbus" nodes tag "$node" Name=this-machine role=managed >/dev/null
"$opsbus" nodes list

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

say "The rule fires. What a subscriber of the stream sees:"
wait "$narrator"
cat "$work/story"

say "The checker looks again:"
(unset OPSBUS_REQUESTS; check)

say "Everything that the event caused, from the audit log (opsbus audit trace $event):"
"$opsbus" audit trace "$event" > "$work/trace"
grep -vE 'event/|PutEvents' "$work/trace" | cut -c 1-150
for part in login-defs-copy-drift 'Deliver success' 'UpdateAutomationStatus success' 'UpdateCommandStatus success'; do
    grep -q "$part" "$work/trace" || { echo "The trace does not tell of: $part" >&2; exit 1; }
done

say "Nobody has changed the record (opsbus audit verify):"
"$opsbus" audit verify

say "Done. Next: README.md, the numbered examples beside this script, and the rules in Rules/."
