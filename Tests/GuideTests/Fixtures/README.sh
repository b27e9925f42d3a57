# needs: nix nix-build
# A Nix result, its closure and history, a project, and logins.
. "${BASH_SOURCE[0]%/*}/_nix.sh"
nix-build --out-link result -A root "$GUIDE_REPOSITORY/Examples/closure" > /dev/null
