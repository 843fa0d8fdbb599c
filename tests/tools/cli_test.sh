#!/usr/bin/env bash
# Runs every command of firn as a user would and checks output, error texts and exit statuses.
#
# usage: tests/tools/cli_test.sh FIRN [NAME ...]
#   FIRN   the program
#   NAME   tests to run, default all (the functions test_NAME below)
# Exit status: 0 all checks hold, 1 some do not, 2 wrong usage.
set -uo pipefail

if [[ $# -lt 1 || ! -x $1 ]]; then
  sed -n '4,6s/^# //p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
firn=$(realpath -- "$1")
shift
root=$(realpath -- "$(dirname "${BASH_SOURCE[0]}")/../..")
sample=$root/tests/data/flights-sample.csv.zst
sample_rows=200000
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 2
unset NO_COLOR

checks=0
failures=0
status=0
what=
fail() {
  failures=$((failures + 1))
  echo "FAILED in ${FUNCNAME[2]}: $1" >&2
  echo "  command: firn $what" >&2
  echo "  status $status, stdout: $(head -c 600 out), stderr: $(head -c 600 err)" >&2
}
run() {  # ARGUMENT ...: status, the files out and err
  what=$*
  "$firn" "$@" >out 2>err </dev/null
  status=$?
}
is() {  # STATUS
  checks=$((checks + 1))
  [[ $status -eq $1 ]] || fail "status $status instead of $1"
}
says() {  # TEXT: in stdout
  checks=$((checks + 1))
  grep -qF -- "$1" out || fail "stdout lacks '$1'"
}
complains() {  # TEXT: in stderr
  checks=$((checks + 1))
  grep -qF -- "$1" err || fail "stderr lacks '$1'"
}
in_one_line() { # where the kernel has no io_uring, an import says so too
  checks=$((checks + 1))
  [[ $(grep -vc '^firn: no io_uring' err) -eq 1 ]] || fail "stderr is not one line"
}
prints() {  # TEXT: exactly, as stdout
  checks=$((checks + 1))
  [[ $(cat out) == "$1" ]] || fail "stdout is not '$1'"
}
holds() {  # WORD ...: a test(1)
  checks=$((checks + 1))
  test "$@" || fail "not: $*"
}
refuses() {  # STATUS TEXT ARGUMENT ...: fails so, in one line, with nothing on stdout
  local expected=$1 text=$2
  shift 2
  run "$@"
  is "$expected"
  complains "$text"
  in_one_line
  checks=$((checks + 1))
  [[ ! -s out ]] || fail "an error wrote to stdout"
}
answer() { "$firn" query "$1" "$2" --format csv | tail -n +2; }
is_json() {  # KEY-PATH EXPRESSION is true of stdout, in Python
  checks=$((checks + 1))
  python3 -c "import json,sys; d=json.load(open('out')); sys.exit(0 if ($1) else 1)" || fail "json: not $1"
}

small_table() {  # DB: table t with a few kinds of values
  "$firn" create "$1" t --schema 'id i64, name utf8, x f64, ok bool, at timestamp' --key id --time at
  cat >small.csv <<'CSV'
id,name,x,ok,at
1,ann,1.5,true,2001-01-01 00:00:01
2,,,,
3,"","2",false,2001-01-02
4,"a ""b"", c",-0.25,true,2001-01-03T04:05:06.5Z
CSV
  "$firn" import "$1" t small.csv --quiet
}

test_help() {
  run --help
  is 0
  for command in create import query explain alter delete set tables stats tiers segments decisions compact optimize \
    checkpoint verify backup restore export migrate inspect; do
    run --help
    says "  $command"
    run "$command" --help
    is 0
    says "usage: firn $command"
    holds ! -s err
  done
  run help import
  says "--acks"
  run --version
  says "firn "
}

test_usage_errors() {
  refuses 2 "usage: firn COMMAND"
  refuses 2 "did you mean 'query'?" qurey
  refuses 2 "did you mean 'segments'?" seg
  refuses 2 "no command 'frobnicate'" frobnicate
  refuses 2 "did you mean --format?" query db 'SELECT 1' --fromat csv
  refuses 2 "usage: firn query DB 'SQL'" query
  refuses 2 "missing 'SQL'" query db
  refuses 2 "too many words" query db a b
  refuses 2 "missing --where 'EXPR'" delete db t
  refuses 2 "missing 'CHANGE'" alter db t
  refuses 2 "missing --schema" create db t
  refuses 2 "needs a value" create db t --schema
  refuses 2 "given twice" create db t --schema 'a i64' --schema 'b i64'
  refuses 2 "takes no value" verify db --deep=yes
  refuses 2 "none of table|csv" query db 'SELECT 1' --format yaml
  refuses 2 "none of hot|warm|cold" compact db --to lukewarm
  refuses 2 "no number of rows" import db t x.csv --batch 0
  refuses 2 "none of upsert|insert" import db t x.csv --mode replace
  refuses 2 "goes with --create" import db t x.csv --key id
  refuses 2 "schema:" create db t --schema 'id integre'
  refuses 2 "nosuch" create db t --schema 'id i64' --key nosuch
  refuses 2 "no duration" query db 'SELECT 1' --timeout soon
  refuses 2 "tells no format" export db t out.xml
  refuses 2 "usage: firn backup DB DEST" backup db
  refuses 2 "unknown option" create db t --schema 'id i64' --set nonsense=1
  holds ! -e db
}

test_not_found() {
  local command
  refuses 3 "no database none" query none 'SELECT 1 FROM t'
  refuses 3 "no database none" explain none 'SELECT 1 FROM t'
  refuses 3 "no database none" import none t small.csv
  refuses 3 "no database none" delete none t --where 'id = 1'
  refuses 3 "no database none" set none t placement=cold
  refuses 3 "no database none" alter none t 'DROP x'
  for command in tables stats tiers segments decisions compact optimize checkpoint verify; do
    refuses 3 "no database none" "$command" none
  done
  refuses 3 "no database none" backup none of_none
  refuses 3 "no database none" export none t out.csv
  refuses 3 "no database none" migrate small.csv none t
  refuses 3 "nothing" restore nothing of_nothing
  holds ! -e none -a ! -e of_nothing -a ! -e of_none
  refuses 3 "no file nofile" inspect nofile
  small_table found
  refuses 3 "did you mean 't'?" query found 'SELECT 1 FROM tt'
  refuses 3 "no table 'other'" stats found other
  refuses 3 "nosuch.csv" import found t nosuch.csv
  refuses 3 "nosuch.csv" import fresh t nosuch.csv --create
  holds ! -e fresh
  touch plainfile
  refuses 3 "is a file" query plainfile 'SELECT 1 FROM t'
  mkdir folder && echo x >folder/x
  refuses 3 "no firn database" tables folder
}

test_create_and_set() {
  run create c1 t --schema 'id u64, ts timestamp, note utf8 not null' --key id --time ts --set placement=cold
  is 0
  run create c1 t --schema 'id u64'
  is 1
  in_one_line
  run create c1 free --schema 'a i64'
  is 0
  run tables c1
  is 0
  says "free"
  says "note utf8 not null"
  run tables c1 --json
  is_json "[t['name'] for t in d['tables']] == ['free', 't'] and d['tables'][1]['key'] == ['id']"
  is_json "d['tables'][1]['time'] == 'ts' and d['tables'][1]['options']['placement'] == 'cold'"
  run set c1 t placement=warm history=2h --dry-run
  is 0
  says "would set placement: cold -> warm"
  says "would set history: 1d -> 2h"
  run tables c1 --json
  is_json "d['tables'][1]['options']['placement'] == 'cold'"
  run set c1 t placement=warm history=2h
  is 0
  run tables c1 --json
  is_json "d['tables'][1]['options']['placement'] == 'warm' and d['tables'][1]['options']['history'] == '2h'"
  refuses 2 "one of auto, hot, warm, cold" set c1 t placement=tepid
  refuses 2 "not option=value" set c1 t placement
}

test_values_and_formats() {
  small_table v
  run query v 'SELECT * FROM t ORDER BY id' --format csv
  is 0
  prints 'id,name,x,ok,at
1,ann,1.5,true,2001-01-01T00:00:01.000000Z
2,,,,
3,"",2,false,2001-01-02T00:00:00.000000Z
4,"a ""b"", c",-0.25,true,2001-01-03T04:05:06.500000Z'
  cp out plain
  run query v 'SELECT * FROM t ORDER BY id'
  checks=$((checks + 1))
  cmp -s out plain || fail "the default in a pipe is not csv"
  run query v 'SELECT id, name, x FROM t ORDER BY id LIMIT 2' --format ndjson
  is_json_lines "d[0] == {'id': 1, 'name': 'ann', 'x': 1.5} and d[1] == {'id': 2, 'name': None, 'x': None}"
  run query v 'SELECT * FROM t ORDER BY id' --format json
  is_json "len(d) == 4 and d[3]['name'] == 'a \"b\", c' and d[2]['name'] == '' and d[1]['name'] is None"
  run query v 'SELECT id FROM t WHERE id > 99' --format json
  is_json "d == []"
  run query v "SELECT id, 'a|b' AS p FROM t WHERE id = 1" --format markdown
  says '| ---: | --- |'
  says '| 1 | a\|b |'
  run query v 'SELECT id, name FROM t' --format table
  says ann
  run query v 'SELECT * FROM t ORDER BY id' --format arrow
  is 0
  mv out v.arrow
  run inspect v.arrow
  is 0
  says "4 rows"
  run import v2 t v.arrow --create --key id --time at --quiet
  is 0
  run query v2 'SELECT * FROM t ORDER BY id' --format csv
  checks=$((checks + 1))
  cmp -s out plain || fail "rows through Arrow differ"
  "$firn" query v 'SELECT * FROM t' | "$firn" import v3 t - --create --key id --quiet
  run query v3 'SELECT * FROM t ORDER BY id' --format csv
  checks=$((checks + 1))
  cmp -s out plain || fail "rows through CSV differ"
  "$firn" query v 'SELECT * FROM t' --format ndjson | "$firn" import v4 t - --format ndjson --create --key id --quiet \
    --schema 'id i64, name utf8, x f64, ok bool, at timestamp'
  run query v4 'SELECT * FROM t ORDER BY id' --format csv
  checks=$((checks + 1))
  cmp -s out plain || fail "rows through NDJSON differ"
  what="query ... | head -1"
  "$firn" query v 'SELECT * FROM t' --format csv 2>err | head -1 >out
  holds ! -s err
}
is_json_lines() {
  checks=$((checks + 1))
  python3 -c "import json,sys; d=[json.loads(l) for l in open('out')]; sys.exit(0 if ($1) else 1)" ||
    fail "json lines: not $1"
}

test_query_errors() {
  small_table q
  run query q 'SELECT nosuch FROM t'
  is 1
  complains nosuch
  run query q 'SELECT id FRM t'
  is 1
  complains '^'
  run query q 'SELECT id FROM t WHERE name > 1'
  is 1
  run delete q t --where 'nosuch = 1'
  is 1
  run delete q t --where 'id ='
  is 1
  run explain q 'SELECT'
  is 1
  run query :memory: 'SELECT 1 FROM t'
  is 3
  run query q 'SELECT count(*) FROM t'
  prints 'count(*)
4'
}

test_query_file() {
  small_table f
  run query :memory: "SELECT count(*), count(name) FROM 'small.csv'" --format csv
  is 0
  checks=$((checks + 1))
  [[ $(tail -n 1 out) == 4,3 ]] || fail "not 4,3"
  run query f "SELECT origin, count(*) AS n FROM '$sample' WHERE delay > 60 GROUP BY origin ORDER BY n DESC, origin LIMIT 1"
  is 0
  says "origin,n"
  refuses 3 nofile.csv query :memory: "SELECT * FROM 'nofile.csv'"
}

# A stream without an end: only the timeout or an interruption ends the query.
test_query_ends_early() {
  local feeder asker
  mkfifo stream.csv
  { echo id; yes 1; } >stream.csv 2>/dev/null &
  feeder=$!
  refuses 1 "timeout" query :memory: "SELECT count(*) FROM 'stream.csv'" --timeout 300ms
  wait "$feeder"
  { echo id; yes 1; } >stream.csv 2>/dev/null &
  feeder=$!
  what="query over a stream, interrupted"
  "$firn" query :memory: "SELECT count(*) FROM 'stream.csv'" >out 2>err &
  asker=$!
  sleep 0.5
  kill -INT "$asker"
  wait "$asker"
  status=$?
  wait "$feeder"
  is 130
  complains "interrupted"
  in_one_line
  run query :memory: "SELECT 1 FROM 'small.csv' LIMIT 1" --timeout 1m --format csv
  is 0
}

test_memory() {
  run tables :memory: --json
  is 0
  is_json "d == {'tables': []}"
  run create :memory: t --schema 'id i64'
  is 0
  refuses 3 "no table 't'" query :memory: 'SELECT * FROM t'
  holds ! -e :memory:
}

test_backup() {
  small_table g
  "$firn" compact g >/dev/null
  run backup g copies/monday
  is 0
  complains "backed up 1 tables"
  holds -d copies/monday -a ! -e copies/monday.partial
  refuses 1 "is there already" backup g copies/monday
  run query copies/monday 'SELECT count(*) FROM t' --format csv
  says 4
  run delete g t --where 'id = 1'
  refuses 1 "is there already" restore copies/monday g
  run restore copies/monday back --quiet
  is 0
  holds ! -s err
  run query back 'SELECT count(*) FROM t' --format csv
  says 4
  run decisions back t
  says archive_to_cold
  run verify back --deep
  is 0
  # Beside a process that has it open.
  mkfifo hold
  "$firn" import g t hold --format csv --quiet 2>/dev/null &
  exec 8>hold
  for _ in $(seq 100); do
    "$firn" backup g busy 2>err && rm -rf busy
    grep -q "is open in process" err && break
    sleep 0.1
  done
  refuses 5 "is open in process" backup g busy
  holds ! -e busy -a ! -e busy.partial
  refuses 5 "is open in process" restore g busy
  exec 8>&-
  wait
  printf 'x' | dd of="$(find copies/monday -name '*.seg')" bs=1 seek=100 conv=notrunc 2>/dev/null
  refuses 4 ".seg" restore copies/monday damaged
  holds ! -e damaged -a ! -e damaged.partial
}

test_export() {
  local name
  small_table e
  for name in all.csv all.ndjson all.json all.arrow all.arrows all.csv.zst all.ndjson.gz all.arrow.zst; do
    run export e t "$name"
    is 0
    complains "exported 4 rows"
    holds ! -e "$name.partial"
  done
  run query e 'SELECT * FROM t' --format csv
  cp out expected.csv
  cmp -s <(sort all.csv) <(sort expected.csv) || fail "all.csv differs"
  cmp -s <(zstd -dcq all.csv.zst) all.csv || fail "zst differs"
  cmp -s <(gzip -dc all.ndjson.gz) all.ndjson || fail "gz differs"
  python3 -c "import json,sys; sys.exit(len(json.load(open('all.json'))) != 4)" || fail "all.json is none"
  checks=$((checks + 4))
  for name in all.csv all.ndjson all.arrow all.arrows all.csv.zst all.ndjson.gz all.arrow.zst; do
    run query :memory: "SELECT id, name, x FROM '$name' ORDER BY id" --format csv
    is 0
    holds "$(head -n 2 out | tail -n 1)" = "$(grep '^1,' all.csv | cut -d, -f1-3)"
  done
  refuses 1 "is there already" export e t all.csv
  run export e "SELECT name, count(*) AS n FROM t GROUP BY name ORDER BY name" counts.csv --quiet
  is 0
  holds ! -s err
  holds "$(head -n 1 counts.csv)" = name,n
  run export e "SELECT * FROM t WHERE id < 0" none.json
  is 0
  holds "$(cat none.json)" = "[]"
  run export e "SELECT nosuch FROM t" bad.csv
  is 1
  complains nosuch
  refuses 3 "no table 'tt'" export e tt bad.csv
  refuses 3 "no/folder" export e t no/folder/x.csv
  holds ! -e bad.csv -a ! -e bad.csv.partial
}

test_migrate() {
  small_table mg
  run migrate small.csv mg copied --key id --time at
  is 0
  complains "migrated 4 rows"
  run query mg 'SELECT * FROM copied ORDER BY id'
  cp out copied.csv
  run query mg 'SELECT * FROM t ORDER BY id'
  cmp -s out copied.csv || fail "the copy differs"
  refuses 1 "exists already" migrate small.csv mg copied
  refuses 3 "nosuch.csv" migrate nosuch.csv mg other
  printf 'SQLite format 3\0 and so on' >foreign.db
  refuses 1 "SQLite" migrate foreign.db mg other
  refuses 3 "no table 'other'" stats mg other
  if command -v sqlite3 >/dev/null; then
    sqlite3 two.sqlite "CREATE TABLE a(id INTEGER PRIMARY KEY, at TIMESTAMP, t TEXT); CREATE TABLE b(x);
      INSERT INTO a VALUES (1, '2001-01-01', 'one'), (2, NULL, NULL); INSERT INTO b VALUES (1.5)"
    refuses 1 "a, b" migrate two.sqlite mg lite
    run migrate two.sqlite mg lite --table a --time at --quiet
    is 0
    run query mg 'SELECT id, t FROM lite SINCE 0'
    is 0
    prints $'id,t\n1,one'
  fi
  run export mg t t.arrow --quiet
  run migrate t.arrow mg typed --quiet
  is 0
  holds ! -s err
  run tables mg typed --json
  is_json "d['tables'][0]['key'] == ['id'] and d['tables'][0]['time'] == 'at'"
}

test_delete() {
  small_table d
  run delete d t --where 'id <= 2' --dry-run
  is 0
  prints "would delete 2 rows"
  run query d 'SELECT count(*) FROM t'
  says 4
  run delete d t --where 'id <= 2'
  is 0
  prints "deleted 2 rows"
  run query d 'SELECT id FROM t ORDER BY id'
  prints 'id
3
4'
}

test_alter() {
  small_table al
  run alter al t "ADD COLUMN n i32 DEFAULT 5" --dry-run
  is 0
  prints "would make the columns: id i64 not null, name utf8, x f64, ok bool, at timestamp, n i32 default 5"
  run query al 'SELECT n FROM t'
  is 1
  run alter al t "ADD COLUMN n i32 DEFAULT 5"
  is 0
  prints "altered by commit 3: id i64 not null, name utf8, x f64, ok bool, at timestamp, n i32 default 5"
  run alter al t 'ALTER TABLE t RENAME name TO "full name"'
  is 0
  run alter al t 'ALTER n TYPE i64'
  is 0
  run alter al t 'DROP COLUMN ok'
  is 0
  printf 'id,full name,x,at\n5,eve,1,2001-01-05\n' >after.csv
  run import al t after.csv --quiet
  is 0
  run query al 'SELECT id, "full name", n FROM t WHERE id IN (1, 5) ORDER BY id'
  prints 'id,full name,n
1,ann,5
5,eve,5'
  printf '{"id": 6, "x": 2}\n' >after.ndjson
  run import al t after.ndjson --quiet
  is 0
  run query al 'SELECT sum(n) FROM t WHERE id IN (5, 6)'
  says 10
  run query al 'SELECT id, name, ok FROM t AS OF CSN 2 WHERE id = 1'
  prints 'id,name,ok
1,ann,true'
  run compact al t
  is 0
  run query al 'SELECT id, name, ok FROM t AS OF CSN 2 WHERE id = 1'
  prints 'id,name,ok
1,ann,true'
  refuses 1 "values could be lost" alter al t 'ALTER x TYPE i64'
  refuses 1 "part of the key" alter al t 'DROP id'
  refuses 1 "no column" alter al t 'DROP nosuch'
  refuses 1 "give a DEFAULT" alter al t 'ADD m i64 NOT NULL' --dry-run
  refuses 1 "the change is for" alter al t 'ALTER TABLE u DROP x'
  refuses 1 "the change is for" alter al t 'ALTER TABLE u DROP x' --dry-run
  run alter al t 'ADD m integre'
  is 1
  complains '^'
}

test_diff() {
  run create changed t --schema 'id u64, v utf8' --key id
  is 0
  printf 'id,v\n1,a\n2,b\n3,c\n' >one.csv
  run import changed t one.csv
  is 0
  from=$(answer changed 'SELECT max(_csn) FROM t CHANGES SINCE 0')
  printf 'id,v\n2,B\n3,x\n4,d\n' >two.csv
  run import changed t two.csv
  is 0
  printf 'id,v\n3,c\n' >three.csv
  run import changed t three.csv
  is 0
  run delete changed t --where 'id = 1'
  is 0
  run diff changed t --from "$from" --format csv
  is 0
  holds "$(cut -d, -f3- out | tr '\n' ' ')" = '_op,id,v delete,1,a update,2,B insert,4,d '
  run diff changed t --from "$from" --to $((from + 1)) --format csv
  is 0
  holds "$(cut -d, -f3- out | tr '\n' ' ')" = '_op,id,v update,2,B update,3,x insert,4,d '
  time=$(answer changed "SELECT max(_time) FROM t CHANGES SINCE 0 AS OF CSN $from")
  run diff changed t --from "$time" --format json
  is 0
  says '"_op":"delete"'
  run query changed 'SELECT * FROM t CHANGES SINCE 0'
  is 0
  says ',update,3,c'
  run query changed 'SELECT count(*) FROM t CHANGES SINCE 0 WITH BEFORE' --format csv
  says '11'
  run diff changed t --from 99
  is 1
  complains 'lies in the future'
  run diff changed t --from 3 --to 2
  is 1
  complains 'forward only'
  run diff changed t --from yesterday
  is 2
  complains 'neither a CSN nor a time'
  run diff changed t
  is 2
  run diff changed nothing --from 0
  is 3
  run stats changed t --json
  says '"cursors": []'
}

test_import_modes() {
  small_table m
  refuses 1 "exist" import m t small.csv --mode insert
  complains "0 rows in 0 commits are imported"
  run import m t small.csv
  is 0
  complains "imported 4 rows in"
  complains "1 commits"
  run import m t small.csv --quiet
  holds ! -s err
  run query m 'SELECT count(*) FROM t'
  says 4
  printf 'name\nx\n' >header2.csv
  printf 'id,name\n1,new\n77,late\n' >some.csv
  refuses 1 "not there, key 77" import m t some.csv --mode update
  run import m t some.csv --mode update_or_insert --quiet
  is 0
  run query m 'SELECT id, name, x IS NULL AS gone FROM t WHERE id IN (1, 77) ORDER BY id'
  prints $'id,name,gone\n1,new,false\n77,late,true'
  refuses 1 "key" import m t header2.csv --mode update
  run delete m t --where 'id = 77'
  refuses 2 "exists" import m t some.csv --create --mode update
  run import m t small.csv --quiet
  run import m t small.csv --create --key id
  is 0
  run import m t small.csv --create --key name
  is 1
  complains "another schema"
  run import m other small.csv --create --quiet
  is 0
  run query m 'SELECT count(*), max(_row) FROM other'
  is 0
  run import m typed small.csv --create --schema 'id u32, name utf8, x f32, ok bool, at timestamp' --key id --quiet
  is 0
  run tables m typed
  says "x f32"
  printf 'id,name\n' >header.csv
  run import m none header.csv --create --quiet
  is 0
  run query m 'SELECT count(*) FROM none'
  says 0
  : >empty.csv
  run import m nothing empty.csv --create
  is 1
  in_one_line
}

test_import_misfits() {
  printf 'id,v\n1,10\n2,x\n3,30\n,40\n5,50\n' >misfit.csv
  run import b t misfit.csv --create --schema 'id i64, v i64' --key id
  is 1
  complains "line 3"
  complains "--bad FILE"
  in_one_line
  run import b t misfit.csv --create --schema 'id i64, v i64' --key id --bad bad.csv
  is 6
  complains "2 rows did not fit"
  checks=$((checks + 2))
  [[ $(answer b 'SELECT count(*), sum(v) FROM t') == 3,90 ]] || fail "not the three sound rows"
  [[ $(cut -d, -f1 bad.csv | tr '\n' ' ') == "line 3 5 " ]] || fail "bad.csv: $(cat bad.csv)"
  # Types are found out, the key takes no NULL.
  printf 'id,v\n1,10\n,20\n' >nullkey.csv
  run import b u nullkey.csv --create --key id
  is 1
  complains "line 3"
  run import b w misfit.csv --create --schema 'id i64, v i64' --key id --batch 1
  is 1
  complains "1 rows in 1 commits are imported and durable"
}

# Files that are not what they should be: one line that says which file and what to do, and nothing that claims too much.
test_import_bad_files() {
  head -c 1000000 "$sample" >cut.csv.zst
  refuses 1 "import: cut.csv.zst: zstd at byte 1000000: the input ends within its compressed data; " import z1 t cut.csv.zst --create --key id
  complains "rows in"
  checks=$((checks + 1))
  [[ $(answer z1 'SELECT count(*) FROM t') == "$(sed -E 's/.*; ([0-9]+) rows in .*/\1/' err)" ]] || fail "another number of rows"
  mkdir -p afolder
  refuses 1 "afolder is a folder" import z2 t afolder --create
  refuses 1 "afolder is a folder" query :memory: "SELECT * FROM 'afolder'"
  : >none.csv
  refuses 1 "none.csv: the CSV input is empty" import z2 t none.csv --create
  cp "$firn" program.csv
  refuses 1 "program.csv: " import z2 t program.csv --create
  complains "is it text whose first line names the columns?"
  head -c 5000 /dev/zero >zeros.csv
  refuses 1 "zeros.csv: " import z2 t zeros.csv --create
  complains "longer than 255 bytes; is it text"
  printf '[{"id": 1}, {"id": 2}]\n' >array.json
  refuses 1 "NDJSON has one object a line" import z2 t array.json --create
  printf 'id;name\n1;a\n' >semicolons.csv
  refuses 2 "the input has: id;name" import z2 t semicolons.csv --create --key id
  holds ! -e z2
  printf 'name\nx\n' >keyless.csv
  small_table z3
  refuses 1 'the header lacks column "id"' import z3 t keyless.csv
  for line in 5 5,x,1,true,,6 '5,"x' '5,"x"y,1,true,' five,x,1,true, '5,x,one,true,'; do
    printf 'id,name,x,ok,at\n%s\n' "$line" >row.csv
    refuses 1 "row.csv: line 2: " import z3 t row.csv
    complains "--bad FILE"
    complains "0 rows in 0 commits"
    run import z3 t row.csv --bad row.bad
    is 6
  done
  run query z3 'SELECT count(*) FROM t'
  says 4
}

# A key of more than 503 bytes is a row that does not fit, with its line.
test_import_long_keys() {
  local long
  long=$(printf 'x%.0s' $(seq 502))
  printf 'k,v\nshort,1\n%s,2\nalso,3\n%s,4\n' "$long" "${long:1}" >long.csv
  refuses 1 "long.csv: line 3: the key takes 504 bytes; at most 503 are possible" \
    import lk t long.csv --create --key k
  complains "--bad FILE"
  holds ! -e lk
  run import lk t long.csv --create --key k --bad long.bad
  is 6
  checks=$((checks + 2))
  [[ $(answer lk 'SELECT count(*), sum(v) FROM t') == 3,8 ]] || fail "not the three rows that fit"
  [[ $(cut -d, -f1 long.bad | tr '\n' ' ') == "line 3 " ]] || fail "long.bad: $(cut -c -60 long.bad)"
  printf '{"k": "a", "v": 5}\n{"k": "%s", "v": 6}\n' "$long" >long.ndjson
  refuses 1 "line 2: the key takes 504 bytes" import lk t long.ndjson
  refuses 1 "line 2: the key takes 504 bytes" migrate long.ndjson lk other --key k
  refuses 3 "no table 'other'" stats lk other
  "$firn" query lk "SELECT k || 'x' AS k, v FROM t" --format arrow >long.arrow
  refuses 1 "at most 503" import lk t long.arrow
  run query lk 'SELECT count(*), sum(v) FROM t'
  says 3,8
  # Keys that are not written as they are stored, and rows of an update.
  printf '{"k": "a", "v": 5}\n{"k": {"of": "%s"}, "v": 6}\n{"v": 7}\n{"k": [1], "v": 8}\n' "$long" >nested.ndjson
  refuses 1 "line 2: the key takes 513 bytes" import lk t nested.ndjson
  run import lk t nested.ndjson --bad nested.bad
  is 6
  checks=$((checks + 2))
  [[ $(cut -d, -f1 nested.bad | tr '\n' ' ') == "line 2 3 " ]] || fail "nested.bad: $(cut -c -60 nested.bad)"
  [[ $(answer lk 'SELECT count(*), sum(v) FROM t') == 5,21 ]] || fail "not the two rows that fit"
  "$firn" create lk b --schema 'k binary, v i64' --key k
  printf '{"k": "\\\\x%s", "v": 1}\n{"k": "\\\\x%s", "v": 2}\n{"k": "\\\\x00", "v": 3}\n' \
    "${long//x/61}" "${long//x/00}" >binary.ndjson
  refuses 1 "binary.ndjson: line 1: the key takes 504 bytes" import lk b binary.ndjson
  run import lk b binary.ndjson --bad binary.bad
  is 6
  complains "2 rows did not fit"
  printf 'k,v\nshort,9\n%s,2\n' "$long" >update.csv
  refuses 1 "update.csv: line 3: the key takes 504 bytes" import lk t update.csv --mode update
  run import lk t update.csv --mode update --bad update.bad
  is 6
  checks=$((checks + 1))
  [[ $(answer lk "SELECT v FROM t WHERE k = 'short'") == 9 ]] || fail "the row that fits is not updated"
}

# A word or a name in a message may hold anything; it neither steers the terminal nor ends the line.
test_printable() {
  local names=('a\xc2\x9b31mb' 'a\xc2\x80b' 'a\xffb' 'a\xe2\x82' '\xc0\x9b' 'a\xed\xa0\x80' 'a\x1b[31m' 'a\x7f'
    '\xc3\xa9\xe2\x82\xac\xf0\x9f\xa6\x94' 'a\xc2\xa0b')
  local shown=('a?31mb' 'a?b' 'a?b' 'a??' '??' 'a???' 'a?[31m' 'a?' '\xc3\xa9\xe2\x82\xac\xf0\x9f\xa6\x94' 'a\xc2\xa0b')
  local i
  for i in "${!names[@]}"; do
    run "$(printf '%b' "${names[$i]}")"
    is 2
    complains "$(printf "no command '%b'" "${shown[$i]}")"
    in_one_line
  done
}

# By a terminal that Python plays: a bar, a rate and the time to go; none of it where stderr is a file.
test_import_progress() {
  cat >terminal.py <<'PY'
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
try:
    while data := os.read(terminal, 65536):
        sys.stdout.buffer.write(data)
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PY
  what="import in a terminal"
  LC_ALL=C python3 terminal.py "$firn" import pr flights "$sample" --create --key id --batch 200 >out 2>err
  status=$?
  is 0
  says "[#"
  says " % "
  says "rows/s"
  says "MB/s"
  says "to go"
  says "imported $sample_rows rows in"
  python3 terminal.py "$firn" import pr flights "$sample" --quiet >out 2>err
  holds ! -s out
  run import pr flights "$sample"
  checks=$((checks + 1))
  grep -q "to go" err && fail "progress in a file"
}

test_no_io_uring() {
  what="import without io_uring"
  "$root/tests/tools/without_io_uring" "$firn" import nu flights "$sample" --create --key id --acks >out 2>err
  status=$?
  if [[ $status -eq 77 ]]; then
    echo "this kernel takes no filter"
    return
  fi
  is 0
  complains "firn: no io_uring ("
  complains "Operation not permitted"
  complains "same guarantees"
  complains "imported $sample_rows rows"
  "$root/tests/tools/without_io_uring" "$firn" import nu flights "$sample" --quiet >out 2>err
  holds ! -s err
  checks=$((checks + 1))
  [[ $("$root/tests/tools/without_io_uring" "$firn" query nu 'SELECT count(*) FROM flights' | tail -n 1) == "$sample_rows" ]] ||
    fail "not all rows are there"
  "$root/tests/tools/without_io_uring" "$firn" compact nu >/dev/null 2>err
  run verify nu --deep
  is 0
}

test_import_sample() {
  local db
  run import s flights "$sample" --create --key id --time date --acks
  is 0
  complains "imported $sample_rows rows in"
  complains "4 commits"
  checks=$((checks + 1))
  [[ $(tail -n 1 out) == *" 50000 $sample_rows" && $(wc -l <out) -eq 4 ]] || fail "acknowledgements"
  zstd -dcq -- "$sample" >flights.csv
  "$firn" query s 'SELECT * FROM flights ORDER BY id' --format ndjson | gzip >flights.ndjson.gz
  "$firn" query s 'SELECT * FROM flights ORDER BY id' --format arrow >flights.arrow
  run import n flights flights.ndjson.gz --create --key id --quiet
  is 0
  run import a flights flights.arrow --create --key id --batch 70000
  is 0
  complains "3 commits"
  local question='SELECT count(*), count(delay), sum(distance), min(origin), max(date) FROM flights'
  for db in n a; do
    checks=$((checks + 1))
    [[ $(answer "$db" "$question") == "$(answer s "$question")" ]] || fail "$db answers otherwise"
  done
  run tiers s
  is 0
  says "warm"
  run tiers s --json
  is_json "d['tables'][0]['rows'] == $sample_rows"
  run explain s "SELECT count(*) FROM flights WHERE origin = 'ATL'"
  is 0
  holds -s out
  run explain s "SELECT count(*) FROM flights WHERE origin = 'ATL'" --analyze
  is 0
  run compact s --dry-run
  is 0
  says "would move $sample_rows rows"
  run compact s flights --to cold --json
  is 0
  is_json "d['tables'][0]['name'] == 'flights' and len(d['tables'][0]['decisions']) > 0"
  run decisions s flights --json # of an earlier process
  is_json "len(d['decisions']) > 0"
  run stats s flights --json
  is_json "d['rows'] == $sample_rows == d['tiers']['cold']['rows'] and d['tiers']['hot']['rows'] == 0"
  is_json "d['name'] == 'flights' and d['csn'] >= 4 and d['bytes'] > d['tiers']['cold']['bytes'] > 0"
  run stats s --json
  is_json "d['tables'][0]['name'] == 'flights'"
  run stats s
  says "$sample_rows rows"
  run segments s flights
  says current
  run segments s flights --columns --json
  is_json "sum(x['rows'] for x in d['segments']) >= $sample_rows"
  is_json "{c['name'] for c in d['segments'][0]['columns']} >= {'id', 'date', 'origin'}"
  run segments s flights --columns
  says "bytes/row"
  run segments s flights 999999999
  is 3
  run decisions s
  is 0
  run decisions s flights --json
  is_json "d['name'] == 'flights'"
  run optimize s
  is 0
  run checkpoint s
  is 0
  run verify s --deep
  is 0
  says sound
}

test_damage() {
  local segment
  "$firn" import x flights "$sample" --create --key id --quiet
  "$firn" compact x >/dev/null
  segment=$(find x -name '*.seg' | head -n 1)
  run inspect "$segment"
  is 0
  says "cold segment"
  run verify x
  is 0
  printf '\377' | dd of="$segment" bs=1 seek=5000 conv=notrunc 2>/dev/null
  run verify x --deep
  is 4
  says "$(basename "$segment")"
  in_one_line
}

test_inspect() {
  local file
  small_table i
  "$firn" import i flights "$sample" --create --key id --quiet
  "$firn" checkpoint i
  "$firn" set i t placement=cold >/dev/null
  while IFS= read -r file; do
    run inspect "$file"
    is 0
  done < <(find i -type f \( -name '*.log' -o -name 'ckp-*' -o -name '*.fb' -o -name 'data.mdb' \))
  run inspect i/tables.fb
  says "'flights'"
  run inspect "$(find i -name decisions.fb)"
  says "configuration"
  run inspect "$(find i -name 'ckp-*' | head -n 1)"
  says ", footer"
  says "sound"
  run inspect "$(find i -path '*warm*' -name '*.log' | head -n 1)"
  says "warm block"
  file=$(find i -path '*commit*' -name '*.log' -size +8k | sort | head -n 1)
  file=${file:-$(find i -path '*commit*' -name '*.log' | sort | head -n 1)}
  cp "$file" damaged.log
  printf '\377\377' | dd of=damaged.log bs=1 seek=150 conv=notrunc 2>/dev/null
  run inspect damaged.log
  is 4
  in_one_line
  head -c 70 "$file" >short.log
  run inspect short.log
  is 4
  head -c 100 /dev/zero >zeros
  refuses_with_output 1 "no file of a firn database" inspect zeros
  run inspect i
  is 1
  complains "is a folder"
}
refuses_with_output() {
  local expected=$1 text=$2
  shift 2
  run "$@"
  is "$expected"
  complains "$text"
  in_one_line
}

# A slow import holds the database: readers read beside it, writers are told.
test_busy() {
  local writer
  small_table y
  mkfifo slow
  "$firn" import y t slow --format csv --quiet 2>slow.err &
  writer=$!
  exec 9>slow
  echo 'id,name,x,ok,at' >&9
  sleep 1
  run query y 'SELECT count(*) FROM t'
  is 0
  says 4
  refuses 5 "" delete y t --where 'id = 1'
  refuses 5 "" import y t small.csv
  exec 9>&-
  wait "$writer"
  status=$?
  is 0
  run delete y t --where 'id = 1'
  is 0
}

test_interrupt() {
  local writer
  small_table z
  mkfifo endless
  "$firn" import z t endless --format csv --batch 2 --acks >z.acks 2>err &
  writer=$!
  what="import z t endless, interrupted"
  exec 9>endless
  printf 'id,name,x,ok,at\n10,a,1,true,\n11,b,1,true,\n12,c,1,true,\n' >&9
  for _ in $(seq 100); do
    [[ -s z.acks ]] && break
    sleep 0.1
  done
  kill -INT "$writer"
  wait "$writer"
  status=$?
  exec 9>&-
  is 130
  complains "interrupted; 2 rows in 1 commits are imported and durable"
  checks=$((checks + 1))
  [[ $(answer z 'SELECT count(*) FROM t') == 6 ]] || fail "not all acknowledged rows are there"
}

# Killed in the midst: what was acknowledged is there, and only whole batches.
test_kill() {
  local round rows acked writer
  zstd -dcq -- "$sample" >kill.csv
  for round in 1 2 3; do
    rm -rf k
    "$firn" create k flights --schema 'id i64, date timestamp, delay i64, distance i64, origin utf8, destination utf8' \
      --key id
    "$firn" import k flights kill.csv --batch 2000 --acks --quiet >k.acks 2>k.err &
    writer=$!
    what="import k, killed"
    for _ in $(seq 1000); do
      [[ $(wc -l <k.acks) -ge $((round * 8)) ]] && break
      sleep 0.01
    done
    { kill -KILL "$writer" && wait "$writer"; } 2>/dev/null
    status=$?
    is 137 # killed, not done: else the rest proves nothing
    acked=$(awk 'NF == 3 { total = $3 } END { print total + 0 }' k.acks)
    rows=$(answer k 'SELECT count(*) FROM flights')
    holds "$acked" -gt 0
    holds "$acked" -lt "$sample_rows"
    holds "$rows" -ge "$acked"
    holds $((rows % 2000)) -eq 0
    run verify k --deep
    is 0
  done
}

tests=("$@")
if [[ ${#tests[@]} -eq 0 ]]; then
  mapfile -t tests < <(declare -F | sed -n 's/^declare -f test_//p')
fi
for name in "${tests[@]}"; do
  before=$failures
  "test_$name"
  [[ $failures -eq $before ]] && echo "ok $name" || echo "FAILED $name"
done
echo "$checks checks, $failures failed"
[[ $failures -eq 0 ]]
