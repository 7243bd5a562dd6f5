#!/usr/bin/env bash
# Installs what the lab needs on Debian and Ubuntu, and what the arguments name, each COMMAND=PACKAGE;
# elsewhere says what is missing.
set -euo pipefail

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

missing=()
for pair in docker=docker.io dockerd=docker.io mmdebstrap=mmdebstrap packer=packer "$@"; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
done
((${#missing[@]})) || exit 0

command -v apt-get >/dev/null ||
  fail "missing: ${missing[*]}; install them with this system's package manager."
as_root=()
if ((EUID)); then
  command -v sudo >/dev/null || fail "missing: ${missing[*]}; run this script as root."
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -qy --no-install-recommends "${missing[@]}"
