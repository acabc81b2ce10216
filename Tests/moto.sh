#!/usr/bin/env bash
# Runs the public tests of moto, an emulator of AWS, against OpsBus: what clients expect of a service, written by others.
#
#   Tests/moto.sh                 the tests that must pass (Tests/Moto/passing.txt)
#   Tests/moto.sh --all           every test of the services that OpsBus has; says where Tests/Moto's lists are wrong
#   Tests/moto.sh NODE-ID…        some tests, with pytest's own report
#
# The tests are those of moto's source distribution on PyPI. OPSBUS names the program; by default the debug build is made.
# MOTO_WORK is a directory that is kept between runs: .build/moto.
set -euo pipefail
cd "$(dirname "$0")/.."
version=5.2.5
work=${MOTO_WORK:-$PWD/.build/moto}
mkdir -p "$work"

if [ ! -x "$work/venv/bin/pytest" ]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q "moto[server,all]==$version" boto3 pytest pytest-timeout freezegun parameterized
fi
if [ ! -d "$work/suite/tests" ]; then
    mkdir -p "$work/sdist" "$work/suite"
    "$work/venv/bin/pip" download -q --no-binary moto --no-deps -d "$work/sdist" "moto==$version"
    # Only the tests: beside moto's own package they would be run with it.
    tar xzf "$work/sdist/moto-$version.tar.gz" -C "$work/suite" --strip-components 1 "moto-$version/tests"
fi

if [ -z "${OPSBUS:-}" ]; then
    swift build --product opsbus
    OPSBUS=$PWD/.build/debug/opsbus
fi
directory=$(mktemp -d "${TMPDIR:-/tmp}/opsbus-moto.XXXXXX")
port=${MOTO_PORT:-$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}
"$OPSBUS" serve --data "$directory/data" --http "http://127.0.0.1:$port" --requests "ipc://$directory/requests" \
    --stream "ipc://$directory/stream" --nodes "ipc://$directory/nodes" --reset-token moto 2>"$directory/log" &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$directory"' EXIT
for _ in $(seq 100); do
    if curl -sf -o /dev/null "http://127.0.0.1:$port/_opsbus/health"; then break; fi
    if ! kill -0 $server 2>/dev/null; then
        cat "$directory/log"
        exit 1
    fi
    sleep 0.1
done

lists=$PWD/Tests/Moto
export OPSBUS_ENDPOINT=http://127.0.0.1:$port OPSBUS_RESET_TOKEN=moto
export TEST_SERVER_MODE=true TEST_SERVER_MODE_ENDPOINT=$OPSBUS_ENDPOINT TESTS_SKIP_REQUIRES_DOCKER=true
export AWS_ACCESS_KEY_ID=FOOBARKEY AWS_SECRET_ACCESS_KEY=FOOBARSECRET AWS_EC2_METADATA_DISABLED=true AWS_MAX_ATTEMPTS=1
export PYTHONPATH=$lists PYTHONDONTWRITEBYTECODE=1
unset AWS_DEFAULT_REGION AWS_REGION AWS_PROFILE AWS_ENDPOINT_URL
cd "$work/suite"
pytest=("$work/venv/bin/python" -m pytest -q -p opsbus_moto -p no:cacheprovider --no-header -o addopts= --timeout 60)
status=0
case "${1:-}" in
"") grep -v '^#' "$lists/passing.txt" >"$directory/list" && "${pytest[@]}" --tb=short "@$directory/list" || status=$? ;;
--all) OPSBUS_MOTO_LISTS=$lists "${pytest[@]}" --tb=no $(grep -v '^#' "$lists/scope.txt") || status=$? ;;
*) "${pytest[@]}" --tb=short "$@" || status=$? ;;
esac
exit $status
