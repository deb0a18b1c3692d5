#!/bin/sh
# Say what happened, then restart: nothing is mounted for writing yet, so there is nothing to bring down in order.
echo "bootc-sdk: the initramfs did not get to the root file system (the messages above say why)"
echo "bootc-sdk: restarting in 5 seconds, as rd.emergency=reboot on the kernel command line demands"
sleep 5
systemctl --force reboot || systemctl --force --force reboot
# Until it happens nobody else may start a shell.
sleep 60
