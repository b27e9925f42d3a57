# needs: git jq nix-build tar
# A checkout: the project that the guide shows, what is hashed in it, and stand-ins for npm and the bundle.
sed -n '/^## The project/,/^## GitHub/p' "$GUIDE_REPOSITORY/docs/ci.md" | sed -n '/^```yaml/,/^```$/p' | sed '/^```/d' > flywheel.yaml
# A recipe finds what was checked in; the guide itself makes it.
if [ -n "${CI:-}" ]; then flywheel lock docker://docker.io/library/node:22-alpine > /dev/null 2>&1; fi
echo '{"type": "module"}' > package.json
mkdir -p build Scripts
echo 'console.log("dashboard")' > build/index.js
git init -q .
git -c user.name=robot -c user.email=robot@example.org commit -q --allow-empty -m "The first commit"

# Where the program that is tested is found: beside it is room for another.
programs=$(dirname "$(command -v flywheel)")
printf '#!/bin/sh\nmkdir -p build\n' > "$programs/npm"
chmod 755 "$programs/npm"

# Nix builds as this user, in no sandbox, and without a network.
nix_build=$(PATH=${PATH#*:} command -v nix-build)
cat > "$programs/nix-build" << END
#!/bin/sh
export NIX_CONFIG='sandbox = false
substitute = false
build-users-group ='
exec $nix_build "\$@"
END
chmod 755 "$programs/nix-build"

# A bundle of the right form; its program is the one that is tested.
cat > Scripts/bundle << END
#!/bin/sh
mkdir -p "\$1/bin" "\$1/lib" "\$1/libexec"
printf '#!/bin/sh\nexec "%s/flywheel" "\$@"\n' "$programs" > "\$1/bin/flywheel"
chmod 755 "\$1/bin/flywheel"
END
chmod 755 Scripts/bundle

cat > default.nix << 'END'
derivation {
  name = "attic-0.1.0";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  PATH = "/usr/bin:/bin";
  args = [ "-euc" "mkdir -p $out/bin; cp /bin/busybox $out/bin/atticd; :" ];
}
END

# What the web server has, and the hash of it that is checked in.
mkdir -p "$GUIDE_WEB/files.example.org"
Scripts/bundle flywheel-bundle
tar -czf flywheel-0.1.0-linux-x86_64.tar.gz flywheel-bundle
sha256sum flywheel-0.1.0-linux-x86_64.tar.gz > flywheel.sha256
mv flywheel-0.1.0-linux-x86_64.tar.gz "$GUIDE_WEB/files.example.org/"
rm -r flywheel-bundle
