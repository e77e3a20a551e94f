#!/bin/sh
# submit.sh RULE THREADS MB MINUTES SCRIPT: submits a script and prints the job's number, nothing else.
set -eu
mkdir -p .snakemake/cluster_logs
# The step gets SIGTERM a minute before the time limit. Its shell must outlive that, or what it runs is killed before it
# has saved its state; the trap does it, and is not inherited, as an ignored signal would be.
exec sbatch --parsable --job-name="$1" --cpus-per-task="$2" --mem="$3" --time="$4" --signal=TERM@60 \
    --output=".snakemake/cluster_logs/$1-%j.log" --wrap="srun --ntasks=1 sh -c 'trap : TERM; . \"\$0\"' '$5'"
