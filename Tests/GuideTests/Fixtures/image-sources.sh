# needs: nix nix-build nix-store
# A server that was built elsewhere: its closure is in a binary cache alone, as a directory and behind https://cache.example.org.
. "${BASH_SOURCE[0]%/*}/_nix.sh"
cat > server.nix << 'END'
{ salt }:
let
  derive = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-euc" (script + "\n:") ];
    PATH = "/usr/bin:/bin";
  };
  data = derive "data" "mkdir -p $out/share; echo ${salt} > $out/share/data";
in
derive "server" ''
  mkdir -p $out/bin
  printf '#!/bin/sh\ncat ${data}/share/data\n' > $out/bin/server
  chmod 755 $out/bin/server
''
END
nix-build --no-out-link --argstr salt "$RANDOM$RANDOM" server.nix > server.path
nix-store --generate-binary-cache-key cache.example.org-1 cache.secret cache.public
nix copy --to "file://$PWD/cache?secret-key=$PWD/cache.secret" "$(cat server.path)"
mapfile -t guide_paths < <(nix-store --query --requisites "$(cat server.path)")
nix-store --delete "${guide_paths[@]}" > /dev/null 2>&1
cp -r cache "$GUIDE_WEB/cache.example.org"
printf 'machine cache.example.org login robot password %s\n' "$TOKEN" > netrc
echo "$TOKEN" | flywheel login ghcr.io --username robot --password-stdin
echo "$TOKEN" | flywheel login registry.gitlab.com --username robot --password-stdin
# What the file map names.
mkdir -p out/build
printf '#!/bin/sh\necho hello\n' > out/build/server
chmod 755 out/build/server
echo '{}' > package.json
