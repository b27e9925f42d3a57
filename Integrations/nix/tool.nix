# The flywheel program and derivations that it builds.
{ flywheel, system }:
let
  checkout = ../../.build/release/flywheel;
  named = builtins.getEnv "FLYWHEEL";
  given =
    if flywheel != null then
      flywheel
    else if named != "" then
      named
    else if builtins.pathExists checkout then
      checkout
    else
      throw "flywheel: there is no program; give 'flywheel', set FLYWHEEL, or run: swift build -c release --product flywheel";

  isPackage = builtins.isAttrs given || (builtins.isString given && builtins.hasContext given);
  # A program of the host is copied into the store, so that another program is another derivation.
  stored =
    if isPackage then
      "${given}"
    else
      "${builtins.path {
        path = given;
        name = "flywheel";
      }}";
  hasDirectory = isPackage || builtins.pathExists (given + "/bin/flywheel");
in
rec {
  inherit system;

  # As the OCI's documents call it.
  architecture =
    let
      machine = builtins.head (builtins.split "-" system);
    in
    {
      x86_64 = "amd64";
      aarch64 = "arm64";
      i686 = "386";
      armv7l = "arm";
      powerpc64le = "ppc64le";
    }
    .${machine} or machine;

  program = if hasDirectory then "${stored}/bin/flywheel" else stored;

  asList =
    value:
    if value == null then
      [ ]
    else if builtins.isList value then
      value
    else
      [ value ];

  withoutNulls =
    set: removeAttrs set (builtins.filter (name: set.${name} == null) (builtins.attrNames set));

  # A derivation that the program builds from its attributes.
  # step: the verb below 'flywheel nix'; request: what it reads; roots: the store paths whose closure it gets.
  derive =
    {
      name,
      step,
      request ? { },
      roots ? [ ],
    }:
    derivation (
      {
        inherit name system;
        builder = program;
        args = [
          "nix"
          step
        ];
        __structuredAttrs = true;
        flywheel = withoutNulls request;
      }
      // (if roots == [ ] then { } else { exportReferencesGraph.graph = roots; })
    );

  # A derivation of one text.
  writeText =
    name: text:
    derivation {
      inherit name system;
      builder = program;
      args = [
        "nix"
        "file"
      ];
      __structuredAttrs = true;
      flywheel = { inherit text; };
    };

  quoted = text: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] text}'";

  # A program for 'nix run' that calls flywheel.
  script =
    name: words:
    let
      drv = derivation {
        inherit name system;
        builder = program;
        args = [
          "nix"
          "file"
        ];
        __structuredAttrs = true;
        flywheel = {
          text = "#!/bin/sh\nexec ${builtins.concatStringsSep " " ([ program ] ++ words)} \"$@\"\n";
          place = "bin/${name}";
          executable = true;
        };
      };
    in
    drv // { meta.mainProgram = name; };
}
