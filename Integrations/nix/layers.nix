# Groups of layers.
{ tool }:
let
  inherit (tool) asList derive;

  # What is the same layer wherever it lies, and what is the same derivation.
  identity = layer: builtins.unsafeDiscardStringContext (layer.over [ ]).drvPath;
  derivationOf = layer: builtins.unsafeDiscardStringContext layer.drvPath;

  # The first of equal layers, in order.
  unique =
    key: layers:
    (builtins.foldl'
      (
        found: layer:
        if found.seen ? ${key layer} then
          found
        else
          {
            seen = found.seen // {
              ${key layer} = true;
            };
            list = found.list ++ [ layer ];
          }
      )
      {
        seen = { };
        list = [ ];
      }
      layers
    ).list;

  # Layers with those that they lie on, each once. nestedLayers is a list that is made once, so that long chains stay cheap.
  flatten =
    key: layers: unique key (builtins.concatMap (layer: layer.nestedLayers) layers ++ layers);

  checked =
    layers:
    map (
      layer:
      if layer ? over && layer ? nestedLayers then
        layer
      else
        throw "flywheel: 'layers' takes what buildLayer gives"
    ) layers;
in
rec {
  # Layers so that each is made over all before it: what several of them need is in the first of them alone.
  stack =
    layers:
    builtins.foldl' (below: layer: below ++ [ (layer.over below) ]) [ ] (flatten identity (checked layers));

  # As nix2container has them: each knows those that it was told of.
  nested = layers: flatten derivationOf (checked layers);

  buildLayer =
    args:
    let
      unknown = builtins.attrNames (removeAttrs args arguments);
    in
    if unknown == [ ] then
      make (args // { below = null; })
    else
      throw "flywheel: buildLayer has no argument '${builtins.head unknown}'; docs/from-nix2container.md lists them";

  arguments = builtins.filter (
    name: !(builtins.elem name [ "below" "fromImage" "isTop" "nixDatabase" ])
  ) (builtins.attrNames (builtins.functionArgs make));

  make =
    {
      # Store paths whose closures go into the layer.
      deps ? [ ],
      # Store paths whose content is put at the root of the image.
      copyToRoot ? null,
      # The old name of copyToRoot.
      contents ? null,
      # A store path, or a list of them, that is in the closure and not in the image.
      ignore ? null,
      # Layers that lie below: what they hold is not packed again.
      layers ? [ ],
      # [ { path, regex, mode, uid, gid, uname, gname } ]: path is a store path, regex is matched against the paths in it; later entries win.
      perms ? [ ],
      # How many layers the closure is divided into; 32 at most unless told.
      maxLayers ? null,
      # false keeps the layers' bytes in the output, which are made again otherwise.
      reproducible ? true,
      # { created_by, author, comment } of the image's history.
      metadata ? null,
      # Patterns of paths that are left out, e.g. "*.a" or "/nix/store/*/share/doc".
      exclude ? [ ],
      # none, gzip, gzip-libdeflate, gzip-isal or zstd, each with :LEVEL.
      compression ? "gzip-libdeflate",
      # The plan of the version before, a file: a description, what 'flywheel plan --json' wrote, or a layersFile.
      previousPlan ? null,
      # Earlier versions, files for 'flywheel plan --history', and the image in them where there are several.
      history ? [ ],
      historyImage ? null,
      # How store paths are divided; least-bytes unless told.
      strategy ? null,
      # A file of what layers have to respect.
      constraints ? null,
      # nix2container's layers to the byte: its order, names and digests, not compressed, 1 layer unless told.
      compatible ? false,
      # A directory, outside of the store, where digests are remembered; the sandbox has to let it through.
      cache ? null,
      name ? "layers",
      meta ? { },

      # Of the functions here alone.
      below,
      fromImage ? null,
      isTop ? false,
      nixDatabase ? null,
    }@args:
    let
      roots =
        if contents == null then
          asList copyToRoot
        else if copyToRoot != null then
          throw "flywheel: 'contents' is the old name of 'copyToRoot'; give one of them"
        else
          builtins.trace "flywheel: 'contents' is now called 'copyToRoot'" (asList contents);
      lower =
        if below != null then
          below
        else if compatible then
          nested layers
        else
          stack layers;
      paths = map (path: "${path}");
      storePaths = list: map tool.storePathOf (paths list);
      ignored = storePaths (asList ignore);
    in
    derive {
      inherit name;
      step = "layer";
      roots = paths (deps ++ roots);
      request = {
        deps = storePaths deps;
        copyToRoot = paths roots;
        ignore = ignored;
        perms = map (
          perm:
          if perm ? path then
            perm // { path = "${perm.path}"; }
          else
            throw "flywheel: an entry of perms has no path; it is for the files of one store path"
        ) perms;
        below = map (layer: "${layer}") lower;
        history = map (file: "${file}") history;
        previousPlan = if previousPlan == null then null else "${previousPlan}";
        constraints = if constraints == null then null else "${constraints}";
        metadata =
          if metadata == null && compatible then { created_by = "nix2container"; } else metadata;
        # As a text: it is no part of the store.
        cache = if cache == null then null else toString cache;
        inherit
          maxLayers
          reproducible
          exclude
          compression
          historyImage
          strategy
          compatible
          fromImage
          isTop
          nixDatabase
          ;
      };
    }
    // {
      inherit meta;
      nestedLayers = lower;
      # The same layer over others.
      over =
        others:
        make (
          args
          // {
            below = others;
          }
        );
      # What it was made of, for the database of Nix and the list of software.
      closureRoots = paths (deps ++ roots);
      dependencies = storePaths deps;
      rootPaths = paths roots;
      ignoredPaths = ignored;
    };
}
