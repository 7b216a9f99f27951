# Runs one mongod and lets it live no longer than the process that asked for it.
#
#   sh guard.sh <grace seconds> <log file> <mongod> <arguments...>
#
# Stdin is a pipe the parent only holds open: its end, by any cause, SIGKILL included, ends mongod.
# Grace 0: SIGKILL at once (data thrown away). Otherwise SIGTERM, and SIGKILL when the grace is used up.
# Prints mongod's own pid, waits for it and exits with its code. Killing the guard does not free mongod:
# the watcher below lives on and acts on the same pipe.
grace=$1
log=$2
shift 2

# A background job gets /dev/null as its stdin, so the pipe moves to a descriptor of its own.
exec 3<&0 </dev/null

"$@" 3<&- >>"$log" 2>&1 &
mongod=$!

(
  while read -r _ <&3; do :; done
  if [ "$grace" -gt 0 ]; then
    kill -TERM "$mongod"
    kill -CONT "$mongod" # a paused process would never see the SIGTERM
    left=$((grace * 20))
    while [ "$left" -gt 0 ] && kill -0 "$mongod"; do
      sleep 0.05
      left=$((left - 1))
    done
  fi
  kill -KILL "$mongod"
) >/dev/null 2>&1 &
watcher=$!

echo "$mongod"
exec 3<&-
wait "$mongod"
code=$?
# The pid is free for others from here on; the watcher must not outlive it.
kill -KILL "$watcher" 2>/dev/null
exit "$code"
