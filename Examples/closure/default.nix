# A small closure with everything that makes layers hard: references, symbolic links between paths, executables, a setuid
# attempt, odd and long names, an empty directory. It needs nothing but Nix and /bin/sh: no network, no nixpkgs.
let
  derive = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-euc" script ];
    PATH = "/usr/bin:/bin";
    LC_ALL = "C";
  };

  long = builtins.concatStringsSep "" (builtins.genList (_: "long-file-name-") 9);
  deep = builtins.concatStringsSep "/" (builtins.genList (n: "directory-number-${toString n}-of-many") 9);

  greeting = derive "greeting-1.0" ''
    mkdir -p "$out/share/greeting"
    echo "Hello from a closure" > "$out/share/greeting/text"
    ln -s text "$out/share/greeting/same"
    :
  '';

  oddities = derive "oddities-1.0" ''
    mkdir -p "$out/empty directory" "$out/${deep}"
    echo spaces > "$out/a name with spaces"
    echo letters > "$out/Größe-été-日本"
    echo dash > "$out/-dash"
    echo long > "$out/${long}"
    echo deep > "$out/${deep}/file"
    : > "$out/nothing"
    ln -s /nowhere/at/all "$out/dangling"
    ln -s "${long}${long}" "$out/long target"
    :
  '';

  payload = derive "payload-1.0" ''
    mkdir -p "$out/data"
    i=0
    while [ $i -lt 40000 ]; do echo "line $i of a payload that compresses well"; i=$((i + 1)); done > "$out/data/lines"
    head -c 1048577 /dev/zero > "$out/data/zeros"
    :
  '';

  app = derive "app-1.0" ''
    mkdir -p "$out/bin" "$out/lib"
    echo '#!/bin/sh' > "$out/bin/greet"
    echo "exec cat ${greeting}/share/greeting/text" >> "$out/bin/greet"
    chmod 755 "$out/bin/greet"
    cp "$out/bin/greet" "$out/bin/greet-as-root"
    chmod 4755 "$out/bin/greet-as-root" 2> /dev/null || chmod 755 "$out/bin/greet-as-root"
    ln -s ${payload}/data "$out/lib/data"
    echo "$out" > "$out/lib/self"
    :
  '';
in
rec {
  # What the image shows at its root: a tree of symbolic links into the store, as buildEnv makes it.
  root = derive "root-1.0" ''
    mkdir -p "$out/bin" "$out/etc" "$out/share"
    ln -s ${app}/bin/greet "$out/bin/greet"
    ln -s ${greeting}/share/greeting "$out/share/greeting"
    ln -s ${oddities} "$out/share/oddities"
    echo "greeting = on" > "$out/etc/app.conf"
    :
  '';

  # The closure as a build sees it (exportReferencesGraph with structured attributes).
  graph = derivation {
    name = "graph.json";
    system = builtins.currentSystem;
    builder = "/bin/sh";
    # Structured attributes are no environment variables, and the shell file Nix offers beside them needs bash.
    args = [
      "-euc"
      ''
        export PATH=/usr/bin:/bin
        out=$(sed -n 's/.*"outputs":{"out":"\([^"]*\)"}.*/\1/p' "$NIX_ATTRS_JSON_FILE")
        cp "$NIX_ATTRS_JSON_FILE" "$out"
        :
      ''
    ];
    __structuredAttrs = true;
    exportReferencesGraph.graph = [ root ];
  };
}
