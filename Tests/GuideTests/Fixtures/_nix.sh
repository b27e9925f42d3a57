# For the fixtures of guides with Nix: settings that need no daemon and no network, and the program that is tested as a package.
export NIX_CONFIG='sandbox = false
substitute = false
build-users-group =
experimental-features = nix-command flakes
warn-dirty = false'
guide_stamp=$(stat -L -c '%s-%Y' "$(command -v flywheel)")
mkdir -p flywheel-bundle/bin
# What the program says of itself is in the script, so that another program makes other derivations.
printf '#!/bin/sh\n# %s\nexec %s "$@"\n' "$guide_stamp" "$(readlink -f "$(command -v flywheel)")" > flywheel-bundle/bin/flywheel
chmod 755 flywheel-bundle/bin/flywheel
