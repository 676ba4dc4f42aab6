# Debian packages that Sluice needs, and how they are installed. Sourced by run, test and check.
#
#   install_missing "${RUN_PACKAGES[@]}"
#
# Asks dpkg first, so that a call with nothing to do costs milliseconds and needs no rights.
# shellcheck shell=bash

# To build the release and try it: nothing more, since every package delays the first request.
RUN_PACKAGES=(
  g++ cmake ninja-build pkg-config
  libc-ares-dev libcli11-dev libfmt-dev libre2-dev libspdlog-dev libsqlite3-dev libssl-dev
  libxxhash-dev libyaml-cpp-dev libzstd-dev nlohmann-json3-dev prometheus-cpp-dev
  node-llhttp        # The sources of llhttp; no Node.js.
  curl
)

# To run every test: test libraries, the peers we compare with, and what the house rules need.
TEST_PACKAGES=(
  "${RUN_PACKAGES[@]}"
  ccache mold
  googletest libgmock-dev libgtest-dev libbenchmark-dev
  libboost-dev libtbb-dev  # Peers of bench/dag.
  clang-19 clang-format-19 clang-tidy-19
  python3 python3-yaml
  sqlite3            # Reads recordings as anybody may.
  haproxy nginx-light wrk
  openjdk-17-jdk-headless  # For the unmodified service of examples/java-shop.
  strace valgrind
)

# Daemons that a test starts by itself, with its own configuration, and that must not run besides.
QUIET_SERVICES=(nginx haproxy)

say() { printf '%s\n' "$*" >&2; }

# Prints the packages of the arguments that are not installed.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
    sed -n 's/^installed //p') || true
  comm -23 <(printf '%s\n' "$@" | sort -u) <(printf '%s\n' "$installed" | sort -u)
}

# Runs the arguments as root; fails with advice when that is impossible.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif ! command -v sudo >/dev/null; then
    return 1
  elif [ -t 0 ] && [ "${CI:-}" != true ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

# Installs what is missing; returns 1 after saying what to do when it cannot.
install_missing() {
  if ! command -v dpkg-query >/dev/null; then
    say "This script installs packages of Debian 12; on another system install these and build with"
    say "  cmake --preset release && cmake --build build/release"
    say "  $*"
    return 1
  fi
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" = 0 ] && return 0

  if ! as_root true 2>/dev/null; then
    say "Missing packages, and neither root nor sudo to install them. As root:"
    say "  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    return 1
  fi
  say "installing: ${missing[*]}"
  local log
  log=$(mktemp)
  if ! install_now "$log" "${missing[@]}"; then
    tail -n 25 "$log" >&2
    say "Could not install: ${missing[*]}"
    say "The whole story is in $log."
    return 1
  fi
  rm -f "$log"
}

# The lists of the archive are fetched only when there are none, or when they prove too old.
# A subshell, so that its trap undoes the policy however it ends.
install_now() (
  log=$1
  shift
  apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends
    -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
  if quiet_services; then trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT; fi

  code=0
  if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then
    as_root "${apt[@]}" update >>"$log" 2>&1 </dev/null || true
  fi
  as_root "${apt[@]}" install "$@" >>"$log" 2>&1 </dev/null || {
    as_root "${apt[@]}" update >>"$log" 2>&1 </dev/null || true
    as_root "${apt[@]}" install "$@" >>"$log" 2>&1 </dev/null || code=$?
  }
  disable_services "$@"
  exit "$code"
)

# Forbids Debian to start the daemons it installs, for as long as we install. False when somebody
# has a policy already: then it is theirs that counts.
quiet_services() {
  [ -e /usr/sbin/policy-rc.d ] && return 1
  as_root sh -c 'printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d &&
                 chmod 755 /usr/sbin/policy-rc.d'
}

# Of the packages just installed, no daemon may run now or after the next start of the machine.
disable_services() {
  local package service
  for package in "$@"; do
    for service in "${QUIET_SERVICES[@]}"; do
      case $package in
        "$service" | "$service"-light)
          as_root invoke-rc.d "$service" stop >/dev/null 2>&1 || true
          as_root update-rc.d "$service" disable >/dev/null 2>&1 || true
          ;;
      esac
    done
  done
}
