#!/usr/bin/env bash
# Runs a command with a Postgres server of its own, which is gone afterwards:
#
#   testdata/postgres.sh go test ./core/store
#
# TOKLIGENCE_TEST_POSTGRES is the server's URL. Where the variable is set already,
# that server is used. Postgres refuses to run as root, who runs it as
# POSTGRES_USER instead (postgres, or else nobody).
set -euo pipefail

[ $# -gt 0 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ -z "${TOKLIGENCE_TEST_POSTGRES:-}" ] || exec "$@"

fail() { echo "postgres.sh: $*" >&2; exit 1; }

# Debian keeps the server's programs out of the path.
for bin in "$(command -v initdb | xargs -r dirname)" $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) "$(pg_config --bindir 2>/dev/null || true)"; do
  [ -x "$bin/initdb" ] && [ -x "$bin/pg_ctl" ] && break
  bin=
done
[ -n "$bin" ] || fail "no Postgres server is installed (Debian: apt-get install postgresql)"

as=()
dir=$(mktemp -d /tmp/tokligence-postgres.XXXXXX) # short: a socket's path may have 107 bytes
if [ "$(id -u)" = 0 ]; then
  user=${POSTGRES_USER:-$(id -un postgres 2>/dev/null || echo nobody)}
  id -u "$user" >/dev/null || fail "root cannot run Postgres, and there is no user $user"
  as=(setpriv "--reuid=$(id -u "$user")" "--regid=$(id -g "$user")" --clear-groups)
  chown "$user" "$dir"
fi

cd "$dir" # where the server's user may be
stop() {
  [ ! -e "$dir/data/postmaster.pid" ] || "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A password, so that tests see where it goes; an order of texts that is not that
# of their bytes, so that tests see what depends on it.
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
"${as[@]}" bash -c 'umask 077; echo "$1" > "$2"' - "$password" "$dir/password"
"${as[@]}" env LC_ALL=C "$bin/initdb" -D "$dir/data" -U tokligence --auth=scram-sha-256 --pwfile="$dir/password" -E UTF8 \
  --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US --no-sync >"$dir/log" 2>&1 || { cat "$dir/log" >&2; fail "initdb failed"; }

# Nobody hands out free ports: another is tried where one is taken.
for _ in 1 2 3 4 5 6 7 8 9 10; do
  port=$((20000 + RANDOM % 12000))
  if "${as[@]}" env LC_ALL=C "$bin/pg_ctl" -D "$dir/data" -w -t 60 -l "$dir/server.log" start -o "-p $port -k $dir -c listen_addresses=127.0.0.1 \
    -c fsync=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=64MB" >"$dir/log" 2>&1; then
    break
  fi
  port=
  grep -q 'in use' "$dir/server.log" || break
done
[ -n "$port" ] || { cat "$dir/log" "$dir/server.log" >&2; fail "the server does not start"; }

cd "$OLDPWD"
TOKLIGENCE_TEST_POSTGRES="postgres://tokligence:$password@127.0.0.1:$port/postgres?sslmode=disable" "$@"
