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

  # What Nix builds has bin/flywheel, or is that file; looking would build it.
  isBuilt =
    given ? drvPath || (builtins.isString given && builtins.hasContext given);
  isBuiltProgram = builtins.isString given && builtins.match ".*/bin/flywheel" given != null;
  isInput = builtins.isAttrs given;
  # A program of the host is copied into the store, so that another program is another derivation.
  stored =
    if isBuilt || isInput then
      "${given}"
    else
      "${builtins.path {
        path = given;
        name = "flywheel";
      }}";
  has = file: builtins.pathExists (given + file);
  # A bundle is begun by its own loader: a sandbox need not have a shell.
  isBundle = !isBuilt && has "/libexec/flywheel";
  loader = builtins.head (
    builtins.filter (name: builtins.match "ld-.*" name != null) (
      builtins.attrNames (builtins.readDir (given + "/lib"))
    )
  );
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
      armv6l = "arm";
      armv7l = "arm";
      loongarch64 = "loong64";
      powerpc64le = "ppc64le";
    }
    .${machine} or machine;

  # For scripts.
  program = if isBuilt && !isBuiltProgram || !isBuilt && has "/bin/flywheel" then "${stored}/bin/flywheel" else stored;

  # For derivations: 'builder' and 'args' of a call.
  call =
    words:
    if isBundle then
      {
        builder = "${stored}/lib/${loader}";
        args = [
          "--library-path"
          "${stored}/lib"
          "${stored}/libexec/flywheel"
        ]
        ++ words;
      }
    else
      {
        builder = program;
        args = words;
      };

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

  # The store path that a path is, or is in.
  storePathOf =
    path:
    let
      found = builtins.match "(${builtins.storeDir}/[^/]+)/.*" path;
    in
    if found == null then path else builtins.appendContext (builtins.head found) (builtins.getContext path);

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
        __structuredAttrs = true;
        flywheel = withoutNulls request;
      }
      // call (
        [
          "nix"
          step
        ]
        # Nix gives builders a terminal, on which nobody sees a line grow.
        ++ (if step == "layer" || step == "image" then [ "--progress" "plain" ] else [ ])
      )
      // (if roots == [ ] then { } else { exportReferencesGraph.graph = map storePathOf roots; })
    );

  # A derivation of one text.
  writeText =
    name: text:
    derive {
      inherit name;
      step = "file";
      request = { inherit text; };
    };

  quoted = text: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] text}'";

  # A program for 'nix run' that calls flywheel.
  script =
    name: words:
    let
      drv = derive {
        inherit name;
        step = "file";
        request = {
          text = "#!/bin/sh\nexec ${builtins.concatStringsSep " " ([ program ] ++ words)} \"$@\"\n";
          place = "bin/${name}";
          executable = true;
        };
      };
    in
    drv // { meta.mainProgram = name; };
}
