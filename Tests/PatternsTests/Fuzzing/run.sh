#!/usr/bin/env bash
# Fuzzes the scanner and the matcher by libFuzzer, with the address sanitizer.
#
#   Tests/PatternsTests/Fuzzing/run.sh [SECONDS] [CORPUS]
#
# Runs for a minute unless told. Inputs that reach new code are kept in CORPUS, .build/fuzzing/corpus unless told, and
# are where the next run begins. An input that fails is written to .build/fuzzing/crash-…: give it as CORPUS to see it again.
set -euo pipefail
cd "$(dirname "$0")/../../.."
seconds=${1:-60}
corpus=${2:-.build/fuzzing/corpus}
mkdir -p .build/fuzzing/corpus
# Seeds, so that the first run does not have to discover JSON.
if [ -z "$(ls -A .build/fuzzing/corpus)" ]; then
    split -l 1 -a 4 Tests/PatternsTests/Data/lots-sample.jsonl .build/fuzzing/corpus/lot-
    printf '{"a":["x",{"a":1,"b":"y"}],"b":"10.1.2.3"}' >.build/fuzzing/corpus/small
fi
export OPSBUS_FUZZING=1
swift build --scratch-path .build/fuzzing/build --sanitize fuzzer --sanitize address --product patterns-fuzzer
.build/fuzzing/build/debug/patterns-fuzzer -max_total_time="$seconds" -max_len=4096 -artifact_prefix=.build/fuzzing/ \
    -print_final_stats=1 "$corpus"
