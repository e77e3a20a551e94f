#!/usr/bin/env bash
# Ends what start.sh started, jobs first, and removes what it wrote; packages stay. Ends by pid file, and only a process
# that still has the daemon's name.
set -uo pipefail

MARK='# written by tests/slurm/start.sh'
DIR=${SLURM_TEST_DIR:-/var/lib/slurm-test}
unset SLURM_CONF SLURM_JOB_ID SLURM_JOBID
[ "$(id -u)" = 0 ] || { echo "stop.sh: needs root" >&2; exit 1; }

is() {
    [ -n "$1" ] && [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ] &&
        ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

stop() {
    local pid
    [ -s "$1" ] || return 0
    pid=$(tr -cd 0-9 <"$1")
    if is "$pid" "$2"; then
        kill "$pid"
        for _ in $(seq 75); do
            is "$pid" "$2" || break
            sleep 0.2
        done
        if is "$pid" "$2"; then kill -9 "$pid"; fi
    fi
    rm -f "$1"
}

tree() {
    local child
    for child in $(pgrep -P "$1"); do tree "$child"; done
    echo "$1"
}

unfinished() { squeue -h -o %A -t PENDING,RUNNING,SUSPENDED,COMPLETING | sort -u; }

# Jobs outlive slurmd, since each has a daemon of its own.
if head -1 /etc/slurm/slurm.conf 2>/dev/null | grep -qF "$MARK" && timeout 5 scontrol ping 2>/dev/null | grep -q 'is UP'; then
    jobs=$(unfinished)
    if [ -n "$jobs" ]; then
        scancel $jobs
        for _ in $(seq 100); do
            [ -n "$(unfinished)" ] || break
            sleep 0.2
        done
    fi
fi
stop "$DIR/run/slurmd.pid" slurmd
# Steps that are still there, the controller being gone: each listens on a socket in our spool folder.
for pid in $(ss -xlpnH 2>/dev/null | grep -F " $DIR/slurmd/" | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u); do
    if is "$pid" slurmstepd; then kill -9 $(tree "$pid"); fi
done
stop "$DIR/ctld/slurmctld.pid" slurmctld
if [ -e "$DIR/run/munge-is-ours" ]; then stop /run/munge/munged.pid munged; fi

for file in /etc/slurm/slurm.conf /etc/slurm/gres.conf; do
    if head -1 "$file" 2>/dev/null | grep -qF "$MARK"; then rm -f "$file"; fi
done
if grep -qF "$MARK" /etc/hosts; then
    hosts=$(grep -vF "$MARK" /etc/hosts)
    printf '%s\n' "$hosts" >/etc/hosts
fi
rm -rf "$DIR"
exit 0
