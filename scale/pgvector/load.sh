#!/bin/sh
# Puts an index of vblip into PostgreSQL with pgvector: a table, and an HNSW index of its vectors.
#
#   scale/pgvector/load.sh INDEX [TABLE]
#
# psql's own variables (PGHOST, PGDATABASE, ...) say where. The table (segments) is replaced, in one
# transaction. $VBLIP is the program (vblip).
set -eu
[ $# -ge 1 ] || {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
index=$1 table=${2:-segments}
vblip=${VBLIP:-vblip}
copy=$(mktemp)
trap 'rm -f "$copy"' EXIT
$vblip export "$index" -f pgcopy -o "$copy"
dims=$(head -n 1 "$copy" | awk -F '\t' '{ print split($NF, values, ",") }')
[ -n "$dims" ] || {
    echo "load.sh: $index: holds no segment" >&2
    exit 1
}
# Vectors have length 1, so that the inner product is the cosine. pgvector's operator <#> is its negative.
PGOPTIONS=--client-min-messages=warning psql -X -v ON_ERROR_STOP=1 -q --single-transaction <<SQL
create extension if not exists vector;
drop table if exists $table;
create table $table (path text not null, start_s float8, end_s float8, embedding vector($dims) not null);
\copy $table from '$copy'
create index on $table using hnsw (embedding vector_ip_ops);
SQL
