# Shared by the examples: finds the program, starts a server on sockets in a directory of its own, and cleans up.
# Sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The program: OPSBUS, else the newest build.
find_opsbus() {
    local candidate
    if [ -n "${OPSBUS:-}" ]; then
        printf '%s\n' "$OPSBUS"
        return
    fi
    for candidate in "$root/.build/release/opsbus" "$root/.build/debug/opsbus"; do
        if [ -x "$candidate" ]; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    echo "There is no opsbus yet: run 'swift build -c release --product opsbus' first." >&2
    return 1
}

# A python3 with pyzmq: OPSBUS_PYTHON, the machine's own, or one in an environment beside the build.
find_python() {
    local environment="$root/.build/python"
    local candidate
    for candidate in "${OPSBUS_PYTHON:-}" python3 "$environment/bin/python"; do
        if [ -n "$candidate" ] && "$candidate" -c 'import zmq' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    python3 -m venv "$environment" >&2 && "$environment/bin/pip" install -q pyzmq >&2
    printf '%s\n' "$environment/bin/python"
}

# Runs a command again and again until it succeeds: wait_for SECONDS WHAT COMMAND...
wait_for() {
    local seconds=$1 what=$2
    shift 2
    local end=$((SECONDS + seconds))
    until "$@"; do
        if [ "$SECONDS" -ge "$end" ]; then
            echo "Waited $seconds seconds in vain for: $what" >&2
            return 1
        fi
        sleep 0.05
    done
}

# Starts a server with the options given and points the environment of all later commands at it.
start_server() {
    work=$(mktemp -d "${TMPDIR:-/tmp}/opsbus-example.XXXXXX")
    export OPSBUS_REQUESTS="ipc://$work/requests" OPSBUS_STREAM="ipc://$work/stream" OPSBUS_NODES="ipc://$work/nodes"
    export OPSBUS_HTTP=none
    "$opsbus" serve --data "$work/data" "$@" 2> "$work/server.log" &
    server=$!
    trap stop_server EXIT
    trap 'exit 130' INT TERM
    wait_for 20 "the server" server_answers || { cat "$work/server.log" >&2; return 1; }
}

server_answers() {
    kill -0 "$server" 2>/dev/null || { echo "The server has ended." >&2; return 0; }
    "$opsbus" call bus:DescribeStream '{}' >/dev/null 2>&1
}

stop_server() {
    local status=$?
    trap - EXIT
    kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
    if [ "$status" -ne 0 ] && [ -f "$work/server.log" ]; then
        echo "The server's last words:" >&2
        tail -n 20 "$work/server.log" >&2
    fi
    rm -rf "$work"
    exit "$status"
}

opsbus=$(find_opsbus)
