#!/bin/sh
# RAUC: hook of a bundle for A/B root file systems. In its manifest:
#   [hooks]                    [image.rootfs]
#   filename=hook.sh           hooks=post-install
# The new program tries itself on copies of the databases from within the new slot; a failure ends the installation, and the
# station goes on as it is. After the boot into the new slot rauc-mark-good.service asks ocpp201-healthy before it marks the
# slot as good; the boot loader goes back to the old one when that does not happen.
set -eu

DATA=${OCPP201_DATA-/var/lib/everest-ocpp201}
PREFIX=${OCPP201_PREFIX-/usr}

case $1 in
slot-post-install)
  [ "$RAUC_SLOT_CLASS" = rootfs ] || exit 0
  new=$RAUC_SLOT_MOUNT_POINT$PREFIX
  "$new/libexec/everest/modules/OCPP201/OCPP201" selftest --data "$DATA" --prefix "$new" >/dev/null
  ;;
*) exit 1 ;;
esac
