#!/usr/bin/env bash
# Installs what the integration tests need on Debian and Ubuntu; elsewhere says what is missing.
# It leaves no service enabled: a cloud-init that it brings in is switched off before it arrives.
set -euo pipefail
cd "$(dirname "$0")"

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

# Commands, each with the Debian package that has it.
declare -A package=(
  [cloud-init]=cloud-init
  [curl]=curl
  [haproxy]=haproxy
  [ip]=iproute2
  [keepalived]=keepalived
  [openssl]=openssl
  [packer]=packer
  [systemd-analyze]=systemd
)
missing=()
for command in "${!package[@]}"; do
  command -v "$command" >/dev/null || missing+=("${package[$command]}")
done

if ((${#missing[@]})); then
  command -v apt-get >/dev/null ||
    fail "missing: ${missing[*]}; install them with this system's package manager."
  as_root=()
  if ((EUID)); then
    command -v sudo >/dev/null || fail "missing: ${missing[*]}; run this script as root."
    as_root=(sudo)
  fi
  # cloud-init's own switch: with this file there, its systemd generator enables nothing.
  if [[ " ${missing[*]} " == *" cloud-init "* ]]; then
    "${as_root[@]}" mkdir -p /etc/cloud
    "${as_root[@]}" touch /etc/cloud/cloud-init.disabled
  fi
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qy --no-install-recommends "${missing[@]}"
  if [[ " ${missing[*]} " == *" cloud-init "* ]]; then
    "${as_root[@]}" systemctl --root=/ --quiet disable cloud-config.service cloud-final.service \
      cloud-init-hotplugd.socket cloud-init-local.service cloud-init.service
  fi
fi

# Go builds etcd, kubeadm, zlint and cfssl; Debian's own is often older than they need.
oldest=$(sed -n 's/^go //p' ../../generator/nodeseed_lab/programs/*/go.mod | sort -V | tail -n 1)
command -v go >/dev/null || fail "Go is missing: install Go $oldest or newer from https://go.dev/dl."
for module in ../../generator/nodeseed_lab/programs/*/go.mod; do
  (cd "$(dirname "$module")" && GOWORK=off go version >/dev/null) ||
    fail "Go is too old: install Go $oldest or newer from https://go.dev/dl."
done
