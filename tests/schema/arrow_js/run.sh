#!/bin/sh
# run.sh TEST_BINARY: compares our Arrow reader and writer with apache-arrow's. Needs node and npm.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
binary=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$here"
[ -d node_modules ] || npm ci --no-audit --no-fund
flights=node_modules/vega-datasets/data/flights-200k.arrow
FIRN_ARROW_WORK="$work" FIRN_ARROW_FLIGHTS="$here/$flights" "$binary" --gtest_filter='ArrowJs.*' --gtest_brief=1
for name in plain.arrow coded.arrow plain.arrows coded.arrows; do
  node check.mjs "$work/$name" > "$work/theirs"
  diff "$work/$name.txt" "$work/theirs" && echo "same: $name"
done
node check.mjs "$flights" > "$work/theirs"
diff "$work/flights.txt" "$work/theirs" && echo "same: flights-200k"
