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
case ${2:-128} in
*[!0-9]* | 0* | ????? | ??????*) most=no ;;
*) [ "${2:-128}" -le 1000 ] && most=yes || most=no ;; # of hnsw.ef_search
esac
[ "$most" = yes ] || {
    echo "search.sh: $2: expected 1 to 1000 candidates, as many as HNSW finds" >&2
    exit 2
}
query=$1 candidates=${2:-128} table=${3:-segments}
vblip=${VBLIP:-vblip}
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
jq -nc --arg text "$query" '{op: "embed", what: "itc-text", texts: [$text]}' | $vblip worker --quiet >"$rows"
vector=$(jq -c '.rows[0].values // error(.error)' "$rows")
# A file and no pipe, for a shell does not see what fails in the middle of one.
psql -X -v ON_ERROR_STOP=1 -v vector="$vector" -v candidates="$candidates" -qAt >"$rows" <<SQL
set hnsw.ef_search = $candidates;
select json_build_object('path', path, 'start', start_s, 'end', end_s)
from $table order by embedding <#> :'vector' limit :candidates;
SQL
$vblip rerank "$rows" "$query"
