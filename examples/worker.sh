#!/usr/bin/env bash
# A worker on a mounted namespace, with setfattr, getfattr, ls, mv and nothing else that is special.
# Start as many as you like: each piece of work goes to exactly one of them.
#
#   examples/worker.sh ~/nexus               works until nothing is ready
#   examples/worker.sh ~/nexus --forever     then looks again every second
#
# Give it something to do: write a file, and say that it is ready.
#
#   echo '{"build": 42}' > ~/nexus/jobs/build.json
#   setfattr -n user.priority -v 5 ~/nexus/jobs/build.json     # lower ones first
#   setfattr -n user.status -v ready ~/nexus/jobs/build.json
set -euo pipefail
export LC_ALL=C # the messages of setfattr are read below

mount=${1:?usage: worker.sh MOUNT_POINT [--forever]}
ready="$mount/.nexus/work/ready"
[ -d "$ready" ] || { echo "worker.sh: no namespace is mounted at $mount" >&2; exit 1; }
me="${HOSTNAME:-worker}-$$"

# The work itself: yours goes here. Fails when it can't be done.
work() {
  sha256sum < "$1"
}

# Takes the first file that is ready and still to be had: its path is in $item then.
claim() {
  local name refusal
  while IFS= read -r name; do
    # Who was quicker has it, and the link is gone.
    item="$(readlink -e "$ready/$name")" || continue
    if refusal="$(setfattr -n user.claim -v "$me" "$item" 2>&1)"; then return 0; fi
    case "$refusal" in
      *"Device or resource busy") ;;   # another worker has it, or it isn't ready any more
      *"No such file or directory") ;; # somebody removed it
      *) printf '%s\n' "$refusal" >&2; exit 1 ;;
    esac
  done < <(ls "$ready") # sorted: the most urgent one comes first
  return 1
}

# After five minutes without an end, another worker may have got it.
is_mine() {
  [ "$(getfattr --only-values -n user.claim "$item" 2> /dev/null)" = "$me" ]
}

mkdir -p "$mount/results"
while true; do
  if ! claim; then
    [ "${2-}" = --forever ] || exit 0
    sleep 1
    continue
  fi
  result="$mount/results/$(basename "$item").txt"
  status=completed
  work "$item" > "$result.$me" || status=failed
  if ! is_mine; then
    status="came too late for"
  elif [ $status = completed ]; then
    mv "$result.$me" "$result" # nobody sees half a result
    setfattr -n user.status -v completed "$item"
  else
    setfattr -n user.status -v failed "$item"
  fi
  rm -f "$result.$me"
  echo "$me: $status $item"
done
