# needs: nix nix-build nix-instantiate busybox
# Packages that stand in for those of nixpkgs, the checkout and a bundle beside them, daemons, and logins.
. "${BASH_SOURCE[0]%/*}/_nix.sh"
. "${BASH_SOURCE[0]%/*}/_daemon.sh"
ln -s "$GUIDE_REPOSITORY" flywheel
mkdir nixpkgs
cat > nixpkgs/default.nix << 'END'
{ }:
let
  derive = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-euc" (script + "\n:") ];
    PATH = "/usr/bin:/bin";
  };
  # A static busybox, which is the interpreter of the programs that stand in.
  shell = derive "busybox-1.35" ''
    mkdir -p $out/bin
    cp "$(command -v busybox)" $out/bin/busybox
    ln -s busybox $out/bin/sh
    ln -s busybox $out/bin/cat
  '';
in
{
  hello = derive "hello-2.12.1" ''
    mkdir -p $out/bin
    printf '#!${shell}/bin/sh\necho "Hello, world!"\n' > $out/bin/hello
    chmod 755 $out/bin/hello
  '';
  cacert = derive "nss-cacert-3.101" "mkdir -p $out/etc/ssl/certs; echo authorities > $out/etc/ssl/certs/ca-bundle.crt";
  tzdata = derive "tzdata-2026a" "mkdir -p $out/share/zoneinfo; echo UTC0 > $out/share/zoneinfo/UTC";
  attic-server = derive "attic-server-0.1.0" ''
    mkdir -p $out/bin
    cat > $out/bin/atticd << PROGRAM
    #!${shell}/bin/sh
    echo "atticd \$*"
    [ -r "\$SSL_CERT_FILE" ] && [ -n "\$ATTIC_SERVER_TOKEN" ] && ${shell}/bin/cat "\$2"
    PROGRAM
    chmod 755 $out/bin/atticd
  '';
  buildEnv = { name, paths, pathsToLink }: derive name ''
    for path in ${toString paths}; do
      for part in ${toString pathsToLink}; do
        [ -d "$path$part" ] || continue
        mkdir -p "$out$part"
        ln -s "$path$part"/* "$out$part/"
      done
    done
  '';
}
END
export NIX_PATH="nixpkgs=$PWD/nixpkgs"
for host in ghcr.io registry.gitlab.com; do echo "$TOKEN" | flywheel login $host --username robot --password-stdin; done
printf 'listen = "[::]:8080"\n' > server.toml
echo ATTIC_SERVER_TOKEN=secret > attic.env

# Podman with a storage of its own and no network. Where containers cannot run, the image is fetched all the same.
podman() {
  local storage=(--root "$TMPDIR/storage" --runroot "$TMPDIR/run" --storage-driver vfs --cgroup-manager cgroupfs)
  cat > "$TMPDIR/containers.conf" << 'END'
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
END
  export CONTAINERS_CONF="$TMPDIR/containers.conf"
  [ "$1" = run ] || return 64
  if ! podman_runs_containers; then
    flywheel copy "docker://${*: -1}" "oci:$TMPDIR/fetched:latest"
    return
  fi
  unset CONTAINER_HOST
  command podman "${storage[@]}" pull --quiet --authfile "$HOME/.docker/config.json" "${*: -1}"
  command podman "${storage[@]}" run --network none "${@:2}" | tee "$TMPDIR/podman.log"
  grep -q atticd "$TMPDIR/podman.log"
}
podman_runs_containers() (
  command -v podman runc > /dev/null || return 1
  mkdir -p "$TMPDIR/probe/bin" && cp -L "$(command -v busybox)" "$TMPDIR/probe/bin/busybox"
  unset CONTAINER_HOST
  storage=(--root "$TMPDIR/storage" --runroot "$TMPDIR/run" --storage-driver vfs --cgroup-manager cgroupfs)
  tar -C "$TMPDIR/probe" -cf "$TMPDIR/probe.tar" bin && command podman "${storage[@]}" import -q "$TMPDIR/probe.tar" localhost/probe:1 &&
    command podman "${storage[@]}" run --rm --network none localhost/probe:1 /bin/busybox true
) > /dev/null 2>&1
