#!/bin/sh
# status.sh NUMBER: prints running, success or failed. A job that Slurm does not know yet, or not answer for, is running.
state=$(scontrol show job "$1" 2>/dev/null | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p')
case "$state" in
COMPLETED) echo success ;;
BOOT_FAIL | CANCELLED | DEADLINE | FAILED | NODE_FAIL | OUT_OF_MEMORY | TIMEOUT) echo failed ;;
*) echo running ;;
esac
