# Images from Nix expressions: nix2container's functions, with planned layers and digests that are known when the build is done.
# The guide is docs/from-nix2container.md. Needs Nix 2.8 or newer and the flywheel program; no nixpkgs, no network.
{
  # The program: a package or directory with bin/flywheel, or the program itself. Without it $FLYWHEEL, else what this checkout built.
  flywheel ? null,
  system ? builtins.currentSystem,
  # A file of certificate authorities for pullImage, where the sandbox has none, e.g. "${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt".
  caBundle ? null,
}:
let
  tool = import ./tool.nix { inherit flywheel system; };
  layers = import ./layers.nix { inherit tool; };
  images = import ./images.nix { inherit tool layers; };
  pull = import ./pull.nix { inherit tool caBundle; };
in
{
  inherit (layers) buildLayer;
  inherit (images) buildImage;
  inherit (pull) pullImage pullImageFromManifest;
  # The program as a path, for scripts of one's own.
  flywheel = tool.program;
}
