#!/bin/sh
# Say what failed, then restart: nothing is mounted for writing yet, so there is nothing to bring down in order.
failed=$(systemctl list-units --failed --plain --no-legend --full 2>/dev/null | while read -r unit _; do printf ' %s' "$unit"; done)
echo "bootc-sdk: the root file system was not reached (failed:${failed:- nothing, see above}); restarting in 5 seconds (rd.emergency=reboot)"
sleep 5
systemctl --force reboot || systemctl --force --force reboot
# Until it happens nobody else may start a shell.
sleep 60
