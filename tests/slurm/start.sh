#!/usr/bin/env bash
# Starts a real Slurm of one node (slurmctld, slurmd, munge) on Debian, as root and without systemd; stop.sh ends it.
# Starting it twice changes nothing. README.md lists what it writes, and why each setting is what it is.
#
#   SLURM_TEST_CPUS=4   CPUs that Slurm hands out, which may be more than there are
#   SLURM_TEST_GPUS=1   GPUs that it believes in
#   SLURM_TEST_DIR      state, spool, logs and pid files (default /var/lib/slurm-test)
#
# Exits with 77 where the packages cannot be installed.
set -euo pipefail

MARK='# written by tests/slurm/start.sh'
DIR=${SLURM_TEST_DIR:-/var/lib/slurm-test}
CPUS=${SLURM_TEST_CPUS:-4}
GPUS=${SLURM_TEST_GPUS:-1}
MEMORY=64000 # MB, trusted like the CPUs: jobs ask for more than they use
HOST=$(hostname -s)
# Another cluster's settings, or those of a job that this runs in, must not reach ours.
unset SLURM_CONF SLURM_JOB_ID SLURM_JOBID

fail() {
    echo "start.sh: $*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "needs root"
# Daemons must not keep open what whoever calls this has open, such as a lock.
for descriptor in /proc/$$/fd/*; do
    descriptor=${descriptor##*/}
    if [ "$descriptor" -gt 2 ] && [ "$descriptor" != 255 ]; then eval "exec $descriptor>&-"; fi
done

# Whether the process of a pid file lives, has this name, and is no zombie.
alive() {
    [ -s "$1" ] && pid=$(tr -cd 0-9 <"$1") && [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] &&
        ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null
}

# Waits until a command succeeds, for so many seconds.
wait_for() {
    local seconds=$1
    shift
    for _ in $(seq $((seconds * 5))); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.2
    done
    return 1
}

install_packages() {
    local missing=() package
    for package in slurmctld slurmd slurm-client munge; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    # RUNLEVEL=1 keeps the packages from starting their services.
    local get=(env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -o DPkg::Lock::Timeout=120)
    "${get[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
        { "${get[@]}" update && "${get[@]}" install -y --no-install-recommends "${missing[@]}"; } >&2 ||
        { echo "start.sh: apt-get cannot install ${missing[*]}" >&2 && exit 77; }
}

# srun listens on what the host's name resolves to, so it must be an address of this machine alone.
resolve_host() {
    address=$(getent ahostsv4 "$HOST" | awk 'NR == 1 { print $1 }') || true
    case "$address" in 127.*) return ;; esac
    # Rewritten in place: in a container the file is a mount, which no rename can replace.
    hosts=$(cat /etc/hosts)
    printf '127.0.0.1 %s %s\n%s\n' "$HOST" "$MARK" "$hosts" >/etc/hosts
    address=127.0.0.1
}

# Writes a file of /etc/slurm, unless it is somebody else's.
write() {
    if [ -e "$1" ] && ! head -1 "$1" | grep -qF "$MARK"; then
        fail "$1 belongs to another Slurm; this one would replace it"
    fi
    { echo "$MARK" && cat; } >"$1"
    chmod 644 "$1"
}

configure() {
    install -d -m 0755 "$DIR" "$DIR/run" "$DIR/slurmd" "$DIR/gpus" /etc/slurm
    install -d -m 0755 -o slurm -g slurm "$DIR/ctld" "$DIR/log"
    local gpu
    for ((gpu = 0; gpu < GPUS; gpu++)); do ln -sfn /dev/null "$DIR/gpus/$gpu"; done
    write /etc/slurm/gres.conf <<EOF
AutoDetect=off
NodeName=$HOST Name=gpu File=$DIR/gpus/[0-$((GPUS - 1))]
EOF
    write /etc/slurm/slurm.conf <<EOF
ClusterName=test
SlurmctldHost=$HOST($address)
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=slurm
AuthType=auth/munge
CryptoType=crypto/munge
MpiDefault=none
MailProg=/bin/true

StateSaveLocation=$DIR/ctld
SlurmdSpoolDir=$DIR/slurmd
SlurmctldPidFile=$DIR/ctld/slurmctld.pid
SlurmdPidFile=$DIR/run/slurmd.pid
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd.log

# No cgroups and no binding to cores: works in containers and without systemd.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
# NodeName below is what counts, not the hardware; a node that comes back is used at once.
SlurmdParameters=config_overrides
ReturnToService=2

SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
DefMemPerCPU=256

# Memory is looked at every two seconds; what exceeds its limit is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill,UsePss
AccountingStorageType=accounting_storage/none

KillWait=5
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,batch_sched_delay=0,sched_min_interval=0
# Ended jobs stay visible to squeue for so long.
MinJobAge=3600

NodeName=$HOST NodeAddr=$address CPUs=$CPUS RealMemory=$MEMORY Gres=gpu:$GPUS State=UNKNOWN
# A waiting GPU job would hold back the whole node, if the other partition did not come first.
PartitionName=cpu Nodes=$HOST Default=YES PriorityTier=2 MaxTime=7-00:00:00 DefaultTime=01:00:00 State=UP
PartitionName=gpu Nodes=$HOST Default=NO PriorityTier=1 MaxTime=7-00:00:00 DefaultTime=01:00:00 State=UP
EOF
}

munge_works() { munge -n </dev/null | unmunge; }

# Daemons get no pipe of ours, or whoever reads our output would wait for them.
start_munge() {
    if munge_works >/dev/null 2>&1; then return; fi
    if [ ! -s /etc/munge/munge.key ]; then
        (umask 077 && head -c 128 /dev/urandom >/etc/munge/munge.key)
        chown munge:munge /etc/munge/munge.key
    fi
    install -d -m 0755 -o munge -g munge /run/munge
    touch "$DIR/run/munge-is-ours"
    setsid runuser -u munge -- munged --pid-file=/run/munge/munged.pid </dev/null >"$DIR/log/munged.out" 2>&1 &&
        wait_for 10 munge_works || fail "munged does not start: $(cat "$DIR/log/munged.out")"
}

start_daemon() {
    local name=$1 pid_file=$2
    shift 2
    if alive "$pid_file" "$name"; then return; fi
    setsid "$name" "$@" </dev/null >"$DIR/log/$name.out" 2>&1 || fail "$name does not start: $(cat "$DIR/log/$name.out")"
}

controller_is_up() { scontrol ping | grep -q 'is UP'; }
node_is_up() { sinfo -h -N -n "$HOST" -o %T | grep -qE '^(idle|mixed|allocated)$'; }

install_packages
resolve_host
configure
start_munge
start_daemon slurmctld "$DIR/ctld/slurmctld.pid" -c
wait_for 30 controller_is_up || fail "slurmctld is not up: $(tail -5 "$DIR/log/slurmctld.log")"
start_daemon slurmd "$DIR/run/slurmd.pid" -N "$HOST"
wait_for 20 node_is_up || fail "the node is not up: $(sinfo -h -R) $(tail -5 "$DIR/log/slurmd.log")"
sinfo -o '%P %a %D %T %c %m %G'
