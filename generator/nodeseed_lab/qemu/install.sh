#!/usr/bin/env bash
# Installs what the lab, its QEMU machines and the arguments (each COMMAND=PACKAGE) need, on Debian and
# Ubuntu; elsewhere says what is missing.
set -euo pipefail

case $(uname -m) in
aarch64) package=qemu-system-arm ;;
*) package=qemu-system-x86 ;;
esac
exec "$(dirname "$0")/../install.sh" "qemu-system-$(uname -m)=$package" qemu-img=qemu-utils \
  mke2fs=e2fsprogs setpriv=util-linux "$@"
