# needs: nix-build
# Files to make an image of, and ./result, which Nix's builder of compatible images wrote as nix2container does.
. "${BASH_SOURCE[0]%/*}/_nix.sh"
echo hello > motd
cat > image.nix << END
let
  images = import $GUIDE_REPOSITORY/Integrations/nix { flywheel = ./flywheel-bundle; };
  app = derivation {
    name = "app";
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-euc" "mkdir -p \$out/bin; echo app > \$out/bin/app\n:" ];
    PATH = "/usr/bin:/bin";
  };
in
images.buildImage { name = "app"; copyToRoot = app; config.Entrypoint = [ "/bin/app" ]; compatible = true; }
END
nix-build --out-link result image.nix > /dev/null
echo "$TOKEN" | flywheel login ghcr.io --username robot --password-stdin
