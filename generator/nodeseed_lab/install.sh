#!/usr/bin/env bash
# Installs what the lab needs on Debian and Ubuntu; elsewhere says what is missing.
set -euo pipefail

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

# Commands, each with the Debian package that has it.
declare -A package=(
  [docker]=docker.io
  [mmdebstrap]=mmdebstrap
  [packer]=packer
)
missing=()
for command in "${!package[@]}"; do
  command -v "$command" >/dev/null || missing+=("${package[$command]}")
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
