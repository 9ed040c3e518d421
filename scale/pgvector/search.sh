#!/bin/sh
# Finds moments: the nearest of a table in PostgreSQL, which ITM then ranks.
#
#   scale/pgvector/search.sh "a dog on a beach" [CANDIDATES [TABLE]]
#
# Prints rows as `vblip rerank` does, the best first, of the CANDIDATES (128) nearest vectors of TABLE
# (segments). The model must be the one that the index was made with ($VBLIP_MODEL). $VBLIP is the program
# (vblip). The files must be where the paths of the table say.
set -eu
[ $# -ge 1 ] || {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
[ "${2:-128}" -le 1000 ] || { # of hnsw.ef_search
    echo "search.sh: $2 candidates: at most 1000 are found by HNSW" >&2
    exit 2
}
query=$1 candidates=${2:-128} table=${3:-segments}
vblip=${VBLIP:-vblip}
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
jq -nc --arg text "$query" '{op: "embed", what: "itc-text", texts: [$text]}' | $vblip worker --quiet >"$rows"
vector=$(jq -c '.rows[0].values // error(.error)' "$rows")
# A file and no pipe, for a shell does not see what fails in the middle of one.
psql -v ON_ERROR_STOP=1 -v vector="$vector" -v candidates="$candidates" -qAt >"$rows" <<SQL
set hnsw.ef_search = $candidates;
select json_build_object('path', path, 'start', start_s, 'end', end_s)
from $table order by embedding <#> :'vector' limit :candidates;
SQL
$vblip rerank "$rows" "$query"
