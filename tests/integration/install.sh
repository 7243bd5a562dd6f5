#!/usr/bin/env bash
# Installs what the integration tests need on Debian and Ubuntu; elsewhere says what is missing.
# It leaves no service enabled: a cloud-init that it brings in is switched off before it arrives.
set -euo pipefail
cd "$(dirname "$0")/../../generator/nodeseed_lab"

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

as_root=()
((EUID == 0)) || as_root=(sudo)
fresh=
if ! command -v cloud-init >/dev/null && command -v apt-get >/dev/null; then
  fresh=yes # with this file there, cloud-init's systemd generator enables nothing
  "${as_root[@]}" mkdir -p /etc/cloud
  "${as_root[@]}" touch /etc/cloud/cloud-init.disabled
fi
./install.sh age=age cloud-init=cloud-init curl=curl haproxy=haproxy ip=iproute2 keepalived=keepalived \
  nft=nftables openssl=openssl systemd-analyze=systemd xorriso=xorriso
if [[ $fresh ]]; then
  "${as_root[@]}" systemctl --root=/ --quiet disable cloud-config.service cloud-final.service \
    cloud-init-hotplugd.socket cloud-init-local.service cloud-init.service
fi

# Go builds etcd, Kubernetes, zlint and cfssl; Debian's own is often older than they need.
oldest=$(sed -n 's/^go //p' programs/*/go.mod | sort -V | tail -n 1)
command -v go >/dev/null || fail "Go is missing: install Go $oldest or newer from https://go.dev/dl."
for module in programs/*/go.mod; do
  (cd "$(dirname "$module")" && GOWORK=off go version >/dev/null) ||
    fail "Go is too old: install Go $oldest or newer from https://go.dev/dl."
done
