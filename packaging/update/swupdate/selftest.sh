#!/bin/sh
# SWUpdate: script of an image for A/B root file systems, called with `postinst` after the images are written and before the
# boot loader is told; a failure ends the update, and the station goes on as it is. In sw-description:
#   scripts: ( { filename = "selftest.sh"; type = "postinstall"; data = "/dev/disk/by-partlabel/rootfs-b"; } );
# After the boot a unit like rauc-mark-good.service asks ocpp201-healthy before it confirms (`fw_setenv ustate 0`); with
# upgrade_available and bootlimit the boot loader goes back when that does not happen.
set -eu

DATA=${OCPP201_DATA-/var/lib/everest-ocpp201}
PREFIX=${OCPP201_PREFIX-/usr}

[ "$1" = postinst ] || exit 0
device=$2
if [ -d "$device" ]; then
  mounted=$device
else
  mounted=$(mktemp -d)
  mount -o ro "$device" "$mounted"
  trap 'umount "$mounted" && rmdir "$mounted"' EXIT
fi
"$mounted$PREFIX/libexec/everest/modules/OCPP201/OCPP201" selftest --data "$DATA" --prefix "$mounted$PREFIX" >/dev/null
