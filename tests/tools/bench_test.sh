#!/usr/bin/env bash
# Runs every workload of `firn bench` with every system on a few rows, and looks at what it writes. No figure is judged.
#
# usage: tests/tools/bench_test.sh FIRN      firn-bench lies beside it
set -euo pipefail

firn=$(realpath -- "${1:?}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

fail() {
  echo "FAILED: $1" >&2
  exit 1
}
measured() {  # WORKLOAD SYSTEM METRIC
  grep -qF "{\"workload\": \"$1\", \"system\": \"$2\", \"metric\": \"$3\"," all.json || fail "no $3 of $2 in $1"
}

"$firn" --help | grep -q '^  bench ' || fail "firn --help does not list bench"
"$firn" bench --help >out || fail "firn bench --help: status $?"

mkdir tables
{
  echo id,date,delay,distance,origin,destination
  for id in {1..3000}; do echo "$id,2001-01-01 0$((id % 10)):15:00,$((id % 50)),$((id * 7 % 900)),ATL,SEA"; done
} >flights.csv
"$firn" bench --rows 10000 --runs 2 --seconds 0.1 --flights flights.csv --dir tables \
  --json all.json --html all.html --svg all.svg >out || fail "firn bench: status $?"
[[ -z $(ls -A tables) ]] || fail "tables are left: $(ls tables)"

measured device device append_sync_256_p50
for system in firn firn-hot firn-warm firn-cold lmdb rocksdb sqlite; do
  for workload in small_1w small_16w small_64w; do
    measured $workload $system p99_us
    measured $workload $system open_p999_us
  done
  measured steady $system longest_pause_ms
  for workload in bulk_arrow bulk_rows; do measured $workload $system cpu_ns_per_row; done
  measured mixed $system longest_pause_ms
  for workload in point_hot point_cold; do measured $workload $system mean_us; done
  for workload in group_by filter_count newest_1pct; do measured $workload $system ms; done
  measured upsert_scan $system upserted_ms
  for workload in size_events size_flights; do measured $workload $system bytes_per_row; done
done
for system in firn lmdb rocksdb sqlite; do measured recovery $system open_ms; done
measured csv_import firn rows_per_s
grep -q '"runs": 2}' all.json || fail "figures are not of two runs"
grep -q '</html>' all.html || fail "the page is not whole"
grep -q '</svg>' all.svg || fail "the picture is not whole"
grep -q 'target p50_us at most 1.25 x' out || fail "no targets are told"

# Systems and workloads as asked; a mistyped name, option or library is wrong usage or not there.
"$firn" bench --rows 10000 --runs 1 --only point_hot --peers none --dir tables --json few.json >out
if grep -q lmdb few.json out; then fail "--peers none measured one"; fi
for bad in '--only nothing' '--systems nothing' '--rows 0' '--runs x' '--seconds -1'; do
  status=0
  # shellcheck disable=SC2086
  "$firn" bench $bad >out 2>err || status=$?
  [[ $status -eq 2 && $(wc -l <err) -eq 1 ]] || fail "$bad: status $status: $(cat err)"
done
if "$firn" bench --duckdb ./absent.so --only device >out 2>err; then fail "an absent library was taken"; fi
grep -q absent.so err || fail "it does not say which library is absent"
echo "bench_test: all holds"
