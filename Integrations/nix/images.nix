# Images, and how they are pushed.
{ tool, layers }:
let
  inherit (tool)
    asList
    derive
    quoted
    script
    ;

  letters = {
    upper = [ "A" "B" "C" "D" "E" "F" "G" "H" "I" "J" "K" "L" "M" "N" "O" "P" "Q" "R" "S" "T" "U" "V" "W" "X" "Y" "Z" ];
    lower = [ "a" "b" "c" "d" "e" "f" "g" "h" "i" "j" "k" "l" "m" "n" "o" "p" "q" "r" "s" "t" "u" "v" "w" "x" "y" "z" ];
  };
  lowerCase = builtins.replaceStrings letters.upper letters.lower;

  baseName = path: baseNameOf (builtins.unsafeDiscardStringContext path);
  # The name of a store path without its hash.
  nameOf = path: builtins.substring 33 (-1) (baseName path);

  # The store paths that a value names, with what builds them, so that a text that says something else changes no layer.
  # What follows a path in the text may look like more of its name, so names are those that the value's context allows.
  referencesOf =
    value:
    let
      text = builtins.toJSON value;
      context = builtins.getContext text;
      isPrefix = prefix: name: builtins.substring 0 (builtins.stringLength prefix) name == prefix;
      namesOf =
        source:
        let
          name = nameOf source;
          derivationName = builtins.substring 0 (builtins.stringLength name - 4) name;
        in
        if context.${source} ? outputs then
          map (output: if output == "out" then derivationName else "${derivationName}-${output}") context.${source}.outputs
        else
          [ name ];
      # The longest first.
      names = builtins.sort (a: b: builtins.stringLength a > builtins.stringLength b) (
        builtins.concatMap namesOf (builtins.attrNames context)
      );
      parts = builtins.split "(${builtins.storeDir}/[0-9abcdfghijklmnpqrsvwxyz]{32}-)" (
        builtins.unsafeDiscardStringContext text
      );
      pathAt =
        index:
        let
          part = builtins.elemAt parts index;
          rest = builtins.elemAt parts (index + 1);
          fitting = builtins.filter (name: isPrefix name rest) names;
        in
        if !(builtins.isList part) || fitting == [ ] then
          [ ]
        else
          [ (builtins.head part + builtins.head fitting) ];
      found = builtins.concatMap pathAt (builtins.genList (index: index) (builtins.length parts));
      set = builtins.listToAttrs (
        map (path: {
          name = path;
          value = true;
        }) found
      );
    in
    map (path: builtins.appendContext path context) (builtins.attrNames set);

  # Functions that bring an image somewhere, as programs for 'nix run'.
  withScripts =
    {
      name,
      tag,
      image,
      isIndex ? false,
      pushOptions ? [ ],
      attributes,
    }:
    let
      imageName = lowerCase name;
      imageTag =
        if tag != null then tag else builtins.substring 0 32 (baseName image.outPath);
      push = [ "push" "${image}" ] ++ pushOptions;
      refuse = throw "flywheel: a daemon takes the image of one platform; use that of platformImages";
    in
    image
    // attributes
    // {
      inherit imageName imageTag;
      imageRefUnsafe = builtins.unsafeDiscardStringContext "${imageName}:${imageTag}";
      copyTo = script "copy-to" (push ++ [ "--to" ]);
      copyToRegistry = script "copy-to-registry" (
        push ++ [ "--to" (quoted "docker://${imageName}:${imageTag}") ]
      );
      copyToDockerDaemon =
        if isIndex then
          refuse
        else
          script "copy-to-docker-daemon" [ "push" "${image}" "--to" (quoted "docker-daemon:${imageName}:${imageTag}") ];
      copyToPodman =
        if isIndex then
          refuse
        else
          script "copy-to-podman" [ "push" "${image}" "--to" (quoted "containers-storage:${imageName}:${imageTag}") ];
    };

  # The list of an image's software, made of the closure.
  softwareList =
    {
      name,
      image,
      roots,
      format,
      suffix,
    }:
    derivation (
      {
        name = "${name}.${suffix}";
        inherit (tool) system;
        __structuredAttrs = true;
      }
      // tool.call (
        [ "sbom" "${image}" "--format" format "--name" name "--output" (builtins.placeholder "out") ]
        ++ (if roots == [ ] then [ ] else [ "--closure" ".attrs.json" ])
      )
      // (if roots == [ ] then { } else { exportReferencesGraph.graph = map tool.storePathOf roots; })
    );

  layerArguments = [
    "perms"
    "exclude"
    "compression"
    "previousPlan"
    "history"
    "historyImage"
    "strategy"
    "constraints"
    "compatible"
    "cache"
    "metadata"
    "maxLayers"
  ];

  buildOne =
    {
      name,
      # Without it the hash part of the image's own store path.
      tag ? null,
      # The image's configuration, with keys in either case.
      config ? { },
      # What buildLayer gives: below the rest, in this order.
      layers ? [ ],
      copyToRoot ? null,
      contents ? null,
      # What pullImage, pullImageFromManifest or buildImage gives.
      fromImage ? null,
      # "inherit" the base's configuration as a Dockerfile does, "ignore" it, or rules by field.
      baseConfig ? "inherit",
      # Of the programs in the image unless told.
      arch ? null,
      variant ? null,
      perms ? [ ],
      maxLayers ? null,
      # A database, so that Nix in the image knows its store, and its owner.
      initializeNixDatabase ? false,
      nixUid ? 0,
      nixGid ? 0,
      # RFC 3339; "base" is the base's time, "now" that of the build, which Nix does once.
      created ? "0001-01-01T00:00:00Z",
      author ? null,
      annotations ? { },
      meta ? { },
      reproducible ? true,
      ...
    }@args:
    let
      unknown = builtins.attrNames (removeAttrs args (known ++ layerArguments));
      known = [
        "name"
        "tag"
        "config"
        "layers"
        "copyToRoot"
        "contents"
        "fromImage"
        "baseConfig"
        "arch"
        "variant"
        "initializeNixDatabase"
        "nixUid"
        "nixGid"
        "created"
        "author"
        "annotations"
        "meta"
        "reproducible"
      ];
      compatible = args.compatible or false;
      below = if compatible then layersLib.nested layers else layersLib.stack layers;
      base = if fromImage == null || fromImage == "" then null else "${fromImage}";

      configReferences = referencesOf config;
      # Its store paths come with the text; the text itself is left out.
      configFile = tool.writeText "config.json" (builtins.toJSON config);

      # All that is in the image, group by group, an image of ours below included.
      content = {
        closureRoots =
          configReferences
          ++ rootPaths
          ++ builtins.concatMap (layer: layer.closureRoots) below
          ++ (fromImage.content.closureRoots or [ ]);
        groups =
          (fromImage.content.groups or [ ])
          ++ map (layer: {
            deps = layer.dependencies;
            copyToRoot = layer.rootPaths;
            ignore = layer.ignoredPaths;
          }) below
          ++ [
            {
              deps = configReferences;
              copyToRoot = rootPaths;
            }
          ];
      };
      rootPaths = map (path: "${path}") (asList (if contents != null then contents else copyToRoot));
      inherit (content) closureRoots;
      database = derive {
        name = "nix-database";
        step = "database";
        roots = closureRoots;
        request = { inherit (content) groups; };
      };

      shared = builtins.intersectAttrs (builtins.listToAttrs (
        map (name: {
          inherit name;
          value = null;
        }) layerArguments
      )) args;
      top =
        if compatible then
          layersLib.make (
            shared
            // {
              name = "layers-${name'}";
              deps = [ configFile ];
              ignore = configFile;
              copyToRoot = rootPaths ++ (if initializeNixDatabase then [ database ] else [ ]);
              perms =
                perms
                ++ (
                  if initializeNixDatabase then
                    [
                      {
                        path = database;
                        regex = ".*";
                        mode = "0755";
                        uid = nixUid;
                        gid = nixGid;
                      }
                    ]
                  else
                    [ ]
                );
              inherit below reproducible;
            }
          )
        else
          layersLib.make (
            shared
            // {
              name = "layers-${name'}";
              deps = configReferences;
              copyToRoot = rootPaths;
              isTop = true;
              fromImage = base;
              nixDatabase =
                if initializeNixDatabase then
                  {
                    path = "${database}";
                    uid = nixUid;
                    gid = nixGid;
                  }
                else
                  null;
              inherit below reproducible;
            }
          );
      isEmpty = configReferences == [ ] && rootPaths == [ ] && !initializeNixDatabase && perms == [ ];
      groups = below ++ (if isEmpty then [ ] else [ top ]);
      name' = baseName (lowerCase name);

      image = derive {
        name = "image-${name'}.json";
        step = "image";
        request = {
          layers = map (layer: "${layer}") groups;
          fromImage = base;
          fromImageName = fromImage.imageReference or null;
          arch = if arch == null && compatible then tool.architecture else arch;
          inherit
            config
            baseConfig
            variant
            created
            author
            annotations
            compatible
            ;
        };
      };
    in
    if unknown != [ ] then
      throw "flywheel: buildImage has no argument '${builtins.head unknown}'; docs/from-nix2container.md lists them"
    else if contents != null && copyToRoot != null then
      throw "flywheel: 'contents' is the old name of 'copyToRoot'; give one of them"
    else
      withScripts {
        inherit name tag image;
        # nix2container's layers are not compressed; what goes over the wire is.
        pushOptions = if compatible then [ "--compression" (args.compression or "gzip-libdeflate") ] else [ ];
        attributes = {
          inherit
            meta
            fromImage
            groups
            content
            ;
          layers = groups;
          # What is in it by name, version and hash, made of the closure, nothing scanned.
          sbom = softwareList {
            name = name';
            roots = closureRoots;
            format = "spdx";
            suffix = "spdx.json";
            inherit image;
          };
          cyclonedx = softwareList {
            name = name';
            roots = closureRoots;
            format = "cyclonedx";
            suffix = "cdx.json";
            inherit image;
          };
        };
      };
  layersLib = layers;

  # One image a platform, under one name.
  buildIndex =
    {
      platforms,
      name,
      tag ? null,
      annotations ? { },
      meta ? { },
      ...
    }@args:
    let
      common = removeAttrs args [ "platforms" ];
      imageOf =
        platform:
        let
          parts = builtins.filter builtins.isString (builtins.split "/" platform);
          own = platforms.${platform};
        in
        if builtins.length parts < 2 || builtins.head parts != "linux" then
          throw "flywheel: the platform '${platform}' must be linux/ARCHITECTURE, e.g. linux/arm64"
        else if own ? imageName then
          own
        else
          buildOne (
            {
              arch = builtins.elemAt parts 1;
            }
            // (if builtins.length parts > 2 then { variant = builtins.elemAt parts 2; } else { })
            // common
            // own
          );
      platformImages = builtins.mapAttrs (platform: _: imageOf platform) platforms;
      index = derive {
        name = "index-${baseName (lowerCase name)}.json";
        step = "index";
        request = {
          images = map (platform: "${platformImages.${platform}}") (builtins.attrNames platforms);
          platforms = builtins.attrNames platforms;
          inherit annotations;
        };
      };
    in
    withScripts {
      inherit name tag;
      image = index;
      isIndex = true;
      attributes = {
        inherit meta platformImages;
      };
    };
in
{
  # platforms = { "linux/amd64" = { copyToRoot = …; }; "linux/arm64" = { … }; }: for each platform, what differs; then it is an index.
  buildImage = args: if args ? platforms && args.platforms != null then buildIndex args else buildOne (removeAttrs args [ "platforms" ]);
}
