#!/bin/sh
# One index of a folder of recordings, made by an array of Slurm's tasks.
#
#   scale/slurm/index.sh VIDEOS OUT TASKS [OPTIONS OF SBATCH...]
#
# Every task brings OUT/shard-I-of-TASKS.index up to date with its share of the files (vblip's --shard), and
# when all have ended OUT/all.index is merged. Prints the number of the job that merges. VIDEOS and OUT lie on
# storage that all nodes see. The same command again goes on where tasks were lost, and encodes nothing twice;
# another number of tasks begins anew. $VBLIP is the program (vblip), $VBLIP_OPTIONS goes to `vblip index`:
# "--device 0 -j 4".
set -eu
[ $# -ge 3 ] || {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
videos=$1 out=$2 tasks=$3
shift 3
[ -d "$videos" ] || {
    echo "index.sh: $videos: no directory" >&2
    exit 2
}
mkdir -p "$out"
export VBLIP="${VBLIP:-vblip}" VBLIP_OPTIONS="${VBLIP_OPTIONS:-}" VIDEOS="$videos" OUT="$out" TASKS="$tasks"

# Files that cannot be read are exit 3, or 4 where a share has no others: the index says which, and why. Status
# 4 is also that of a run that came to no end, on a full disk: only one that did has told its totals.
# shellcheck disable=SC2016 # the jobs expand these
array=$(sbatch --parsable --job-name=vblip-index --array="1-$tasks" --requeue --output="$out/task-%a.log" "$@" \
    --wrap 'shard="$OUT/shard-$SLURM_ARRAY_TASK_ID-of-$TASKS"
        $VBLIP index --shard "$SLURM_ARRAY_TASK_ID/$TASKS" --index "$shard.index" --format jsonl \
            $VBLIP_OPTIONS "$VIDEOS" >"$shard.jsonl" ||
        case $? in 3 | 4) tail -n 1 "$shard.jsonl" | grep -q "\"recordings\":" ;; *) false ;; esac')
# shellcheck disable=SC2016
sbatch --parsable --job-name=vblip-merge --dependency="afterok:$array" --kill-on-invalid-dep=yes \
    --output="$out/merge.log" "$@" \
    --wrap '$VBLIP merge "$OUT"/shard-*-of-"$TASKS".index --overwrite -o "$OUT/all.index"'
