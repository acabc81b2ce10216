#!/usr/bin/env bash
# Installs what the tests need, builds with warnings as errors, and runs every test.
#
#   Tests/run.sh            all tests
#   Tests/run.sh FILTER     only tests whose names match, passed on to swift test
#
# With OPSBUS_MOTO=1 the tests of moto that must pass are run, too: see Tests/moto.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
    libzmq3-dev libsqlite3-dev libyaml-dev libsodium-dev libmicrohttpd-dev libcurl4-gnutls-dev
    python3 python3-venv curl git tzdata
)
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "Installing ${missing[*]}"
    if [ "$(id -u)" -eq 0 ]; then sudo=; else sudo=sudo; fi
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq "${missing[@]}" >/dev/null
fi

# The tests from outside are Python programs with pyzmq, the clients of AWS and a server that speaks S3, in an environment
# of their own.
environment=.build/python
if ! "$environment/bin/python" -c 'import zmq, boto3, awscli, moto.server' 2>/dev/null; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install -q pyzmq boto3 awscli 'moto[s3,server]'
fi
export OPSBUS_PYTHON="$PWD/$environment/bin/python"

export OPSBUS_WARNINGS_AS_ERRORS=1
# Nothing here should take long; a test that hangs must not hold up everything behind it.
export SWIFT_BACKTRACE=enable=no
swift build --build-tests
if [ $# -gt 0 ]; then
    exec swift test --skip-build --filter "$1"
fi
# Three runs: the tests of the bus and of HTTP have deadlines, which the storage tests' long sweeps would make them miss on two cores,
# and the scenarios wait for whole processes and would hold up the threads that the other tests run on.
swift test --skip-build --skip ScenarioTests --skip BusTests --skip GatewayTests
swift test --skip-build --filter 'BusTests|GatewayTests'
swift test --skip-build --filter ScenarioTests --no-parallel
if [ "${OPSBUS_MOTO:-}" = 1 ]; then
    OPSBUS=$PWD/.build/debug/opsbus Tests/moto.sh
fi
