# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# wait.bash - waiting for what a process in the background does: never by a sleep that is hoped to be long enough.

# wait_for COMMAND...: until it succeeds, 20 seconds at most; then the test has failed, with the command.
wait_for()
{
	local end=$((SECONDS + 20))
	until "$@" >/dev/null 2>&1; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "never: $*" >&2
			return 1
		fi
		sleep 0.05
	done
}

# no_process PATTERN: none whose command line matches.
no_process()
{
	! pgrep -f -e "$1"
}
