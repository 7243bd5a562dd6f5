#!/usr/bin/env bash
# mmdebstrap's customize hook: makes its root file system an image, and keeps what QEMU boots it with.
#
#   keep.sh ROOT OUT SIZE
#
# Called with what mmdebstrap has made, the folder for vmlinuz, initrd.img and root.img, and the size
# of the file system in that.
set -euo pipefail
cd "$(dirname "$0")"
root=$1 out=$2 size=$3

# Debian starts these at boot; here whoever needs one starts it.
units=(
  haproxy.service ipvsadm.service keepalived.service nfs-blkmap.service nfs-client.target
  nfs-server.service rpcbind.service rpcbind.socket
)
systemctl --root="$root" --quiet disable "${units[@]}"
systemctl --root="$root" --quiet enable systemd-networkd.service
mapfile -t units <masked-units.txt # each takes its time, and none is of use to a test
systemctl --root="$root" --quiet mask "${units[@]}"
: >"$root/etc/machine-id"

cp "$root"/boot/vmlinuz-* "$out/vmlinuz"
ram=$root/tmp/initrd
mkdir "$ram" "$ram"/{bin,dev,root,sys}
cp initrd/init "$ram/init"
cp "$root/bin/busybox" "$ram/bin/busybox"
module=$(cd "$root" && find usr/lib/modules -name virtio_blk.ko.xz)
chroot "$root" busybox xzcat "/$module" >"$ram/virtio_blk.ko"
chroot "$root" sh -c 'cd /tmp/initrd && find . | busybox cpio -o -H newc' >"$out/initrd.img"
rm -r "$ram"
rm -rf "${root:?}"/boot/* "$root"/initrd.img* "$root"/vmlinuz*

# The root alone, without what mmdebstrap has mounted in it.
export root out size
# shellcheck disable=SC2016 # expanded by the inner shell
unshare --mount sh -ec '
  mount --bind "$root" /mnt
  mke2fs -q -t ext4 -E root_owner=0:0 -d /mnt "$out/root.img" "$size"
'
