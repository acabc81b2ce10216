# Shared by the examples: finds the program, starts a server on sockets in a directory of its own, and cleans up.
# Sourced, not run. Afterwards $root is the repository, $opsbus the program, and $work a directory. In the end everything
# that still runs in the background is ended, and the directory removed.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The program: OPSBUS, else the newest build.
find_opsbus() {
    local newest
    newest=${OPSBUS:-$(ls -t "$root"/.build/{release,debug}/opsbus 2>/dev/null | head -n 1)}
    if [ ! -x "$newest" ]; then
        echo "There is no opsbus yet: run 'swift build -c release --product opsbus' first." >&2
        return 1
    fi
    printf '%s\n' "$newest"
}

# A python3 with pyzmq: OPSBUS_PYTHON, the machine's own, or one in an environment beside the build.
find_python() {
    local environment="$root/.build/python"
    local candidate
    for candidate in "${OPSBUS_PYTHON:-}" python3 /usr/bin/python3 "$environment/bin/python"; do
        if [ -n "$candidate" ] && "$candidate" -c 'import zmq' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    python3 -m venv "$environment" >&2 && "$environment/bin/pip" install -q pyzmq >&2
    printf '%s\n' "$environment/bin/python"
}

# Runs a command again and again until it succeeds: wait_for SECONDS WHAT COMMAND...
# Gives up at once where the server has ended.
wait_for() {
    local seconds=$1 what=$2
    shift 2
    local end=$((SECONDS + seconds))
    until "$@"; do
        if [ -n "$server" ] && ! kill -0 "$server" 2>/dev/null; then
            echo "The server has ended; this will not happen any more: $what" >&2
            return 1
        fi
        if [ "$SECONDS" -ge "$end" ]; then
            echo "Waited $seconds seconds in vain for: $what" >&2
            return 1
        fi
        sleep 0.05
    done
}

# Starts a server with the options given and points the environment of all later commands at it.
start_server() {
    export OPSBUS_REQUESTS="ipc://$work/requests" OPSBUS_STREAM="ipc://$work/stream" OPSBUS_NODES="ipc://$work/nodes"
    export OPSBUS_HTTP=none
    "$opsbus" serve --data "$work/data" "$@" 2> "$work/server.log" &
    server=$!
    wait_for 20 "the server" server_answers
}

server_answers() { "$opsbus" call bus:DescribeStream '{}' >/dev/null 2>&1; }

# The last thing an example does, however it ends.
clean_up() {
    local status=$?
    trap - EXIT
    local running
    running=$(jobs -p)
    if [ -n "$running" ]; then
        kill $running 2>/dev/null || true
        wait $running 2>/dev/null || true
    fi
    if [ "$status" -ne 0 ] && [ -f "$work/server.log" ]; then
        echo "The server's last words:" >&2
        tail -n 20 "$work/server.log" >&2
    fi
    rm -rf "$work"
    exit "$status"
}

opsbus=$(find_opsbus)
server=
work=$(mktemp -d "${TMPDIR:-/tmp}/opsbus-example.XXXXXX")
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
