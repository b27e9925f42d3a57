{
  description = "Container images from Nix closures: planned layers, digests known before a byte is sent";

  # No inputs: the functions need nothing but Nix and the flywheel program, which the caller gives:
  #   images = flywheel.lib.images { flywheel = ./flywheel-bundle; system = "x86_64-linux"; };
  # A bundle is what Scripts/bundle makes: the program with its libraries, which runs in the sandbox.
  outputs =
    { self }:
    {
      lib = {
        # { flywheel, system, caBundle ? null } -> { buildImage, buildLayer, pullImage, pullImageFromManifest, flywheel }
        images = args: import ./default.nix args;
      };
    };
}
