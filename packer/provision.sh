#!/bin/bash
# Makes a Debian or Ubuntu machine a node image: everything that a first boot would otherwise have to fetch.
# Every builder runs this same script. Running it again changes nothing.
#
#   SOFTWARE  one line per file: sha256, URL (https: or file:), how to install it, and names:
#               binary NAME...    an executable; further names are links to the first
#               tar MEMBER...     these members of a tar archive, into /usr/local/bin
#               images            an archive of container images
#
#   PACKAGES          further packages, such as nfs-common, mdadm or lvm2
#   IMAGES            further container images
#   IMAGE_REPOSITORY  where those of Kubernetes' components come from
#
# In the end self_test.py, which has variables of its own, tries everything and writes
# /etc/nodeseed/image.json; if it finds something wrong, there is no image.
#
# In /tmp/provision lie self_test.py, packages.txt, files/ (for every machine) and container/.
set -euo pipefail
shopt -s nullglob

BIN=/usr/local/bin
CONTAINERD=/var/lib/containerd
BAKED=/usr/local/lib/nodeseed-image/containerd
PROVISION=/tmp/provision
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "provision.sh: $*" >&2
  exit 1
}

install_packages() {
  local packages more
  mapfile -t packages <"$PROVISION/packages.txt"
  read -ra more <<<"${PACKAGES:-}"
  packages+=("${more[@]}")
  dpkg -s "${packages[@]}" >/dev/null 2>&1 && return
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}"
}

# Debian starts these at boot; in a cluster nodeseed says where they run, and how.
quiet_services() {
  local unit
  for unit in etcd haproxy keepalived ipvsadm; do
    [[ -z $(systemctl list-unit-files --no-legend "$unit.service") ]] ||
      systemctl disable --quiet --now "$unit.service" 2>/dev/null ||
      systemctl disable --quiet "$unit.service"
  done
}

install_software() {
  local line sum url how names file number=0
  while read -r line; do
    [[ $line =~ ^[0-9a-f]{64}\  ]] || fail "$line: its sha256 is missing; see docs/image.md"
    read -r sum url how names <<<"$line"
    file=$work/$((++number))
    curl -fsSL --retry 5 -o "$file" "$url" || fail "$url cannot be had"
    sha256sum --quiet -c <<<"$sum  $file" || fail "$url: not the file that was meant"
    "install_$how" "$file" "$names"
  done <<<"$SOFTWARE"
}

install_binary() {
  local file=$1 names name
  read -ra names <<<"$2"
  install -m 0755 "$file" "$BIN/${names[0]}"
  rm "$file"
  for name in "${names[@]:1}"; do ln -sf "${names[0]}" "$BIN/$name"; done
}

install_tar() {
  local file=$1 members
  read -ra members <<<"$2"
  tar -xf "$file" -C "$work" "${members[@]}"
  install -m 0755 "${members[@]/#/$work/}" "$BIN"
}

install_images() {
  mv "$1" "$work/images.tar"
}

# Kubernetes and kubeadm look for the plugins here; Debian puts them elsewhere.
link_cni_plugins() {
  mkdir -p /opt/cni
  [[ -e /opt/cni/bin ]] || ln -s /usr/lib/cni /opt/cni/bin
}

place_files() {
  cp -r "$PROVISION/files/." /
  mkdir -p /etc/kubernetes/manifests /var/lib/etcd
  chmod 0700 /var/lib/etcd
  [[ ${PACKER_BUILDER_TYPE:-} != docker ]] || place_container_files
  systemctl enable --quiet containerd.service
}

# What a container needs to be a machine, beside what every machine gets.
place_container_files() {
  local units
  cp -r "$PROVISION/container/." /
  mkdir -p /lib/modules
  mapfile -t units <"$PROVISION/container-masked-units.txt"
  systemctl mask --quiet "${units[@]}"
  systemctl enable --quiet link-images.service
}

start_containerd() {
  if [[ ${PACKER_BUILDER_TYPE:-} == docker ]]; then
    # runc makes cgroups, which the container runtime mounts read-only
    for folder in /sys/fs/cgroup/* /sys/fs/cgroup; do
      ! mountpoint -q "$folder" || mount -o remount,bind,rw "$folder"
    done
  fi
  "$BIN/containerd" >"$work/containerd.log" 2>&1 &
  containerd=$!
  for _ in {1..150}; do
    "$BIN/ctr" version >/dev/null 2>&1 && return
    sleep 0.2
  done
  cat "$work/containerd.log" >&2
  fail "containerd does not answer"
}

# Container images are unpacked now, so that no boot has to.
import_images() {
  if [[ -e $work/images.tar ]]; then
    "$BIN/ctr" -n k8s.io images import --local "$work/images.tar"
  else
    pull_images
  fi || { cat "$work/containerd.log" >&2; fail "the container images cannot be imported"; }
}

pull_images() {
  local image
  "$BIN/kubeadm" config images pull --image-repository "${IMAGE_REPOSITORY:-registry.k8s.io}" \
    --kubernetes-version "$("$BIN/kubeadm" version -o short)" || return
  for image in ${IMAGES:-}; do
    "$BIN/ctr" -n k8s.io images pull --local "$image" || return
  done
}

stop_containerd() {
  kill "$containerd"
  wait "$containerd" || true
}

# A volume's content is not part of a container's image: link-images brings it back at boot.
keep_volume() {
  mountpoint -q "$CONTAINERD" || return 0
  mkdir -p "$(dirname "$BAKED")"
  cp -a "$CONTAINERD" "$BAKED"
  # the same program, once in an image and once beside it
  hardlink --quiet --ignore-time "$BIN" "$BAKED"
}

# The image must come up as a new machine every time.
forget_this_machine() {
  cloud-init clean --logs --seed >/dev/null
  : >/etc/machine-id
  rm -f /etc/ssh/ssh_host_* /var/lib/systemd/random-seed
  apt-get clean
  rm -rf /var/lib/apt/lists/* "$PROVISION"
}

install_packages
quiet_services
install_software
link_cni_plugins
place_files
start_containerd
import_images
python3 "$PROVISION/self_test.py"
stop_containerd
keep_volume
forget_this_machine
