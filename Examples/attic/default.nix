# A binary cache's server as an image, from a closure: certificates and time zones beside it, its configuration mounted, its
# secrets in the environment. The packages stand in for those of nixpkgs, so that it builds without network; with nixpkgs they are
# pkgs.attic-server, pkgs.cacert, pkgs.tzdata, and root is pkgs.buildEnv.
#   nix-build Examples/attic --out-link attic.json
#   flywheel push attic.json --tag-digest --digest-file attic.digest \
#     --to docker://ghcr.io/team/attic:latest --to docker://registry.gitlab.com/group/attic:latest
{
  flywheel ? null,
  name ? "ghcr.io/team/attic",
  version ? "0.1.0",
  # The description of the version before: layers that it has are kept.
  previousPlan ? null,
  # A static busybox of the host, which is the interpreter of the server that stands in.
  busybox ? "/bin/busybox",
}:
let
  images = import ../../Integrations/nix { inherit flywheel; };

  derive =
    name: script:
    derivation {
      inherit name;
      system = builtins.currentSystem;
      builder = "/bin/sh";
      args = [
        "-euc"
        (script + "\n:")
      ];
      PATH = "/usr/bin:/bin";
    };

  shell = derive "busybox-1.35" ''
    mkdir -p $out/bin
    cp ${busybox} $out/bin/busybox
    ln -s busybox $out/bin/sh
    ln -s busybox $out/bin/cat
  '';
  cacert = derive "nss-cacert-3.101" ''
    mkdir -p $out/etc/ssl/certs
    echo "the certificate authorities of the world" > $out/etc/ssl/certs/ca-bundle.crt
  '';
  tzdata = derive "tzdata-2026a" ''
    mkdir -p $out/share/zoneinfo/Europe
    echo UTC0 > $out/share/zoneinfo/UTC
    echo CET-1CEST > $out/share/zoneinfo/Europe/Berlin
  '';
  server = derive "attic-server-${version}" ''
    mkdir -p $out/bin
    cat > $out/bin/atticd << END
    #!${shell}/bin/sh
    echo "atticd ${version} \$*"
    [ -r "\$SSL_CERT_FILE" ] || { echo "no certificates" >&2; exit 1; }
    [ -n "\$ATTIC_SERVER_TOKEN" ] && echo "token from the environment"
    [ "\$1" = --config ] && [ -r "\$2" ] && ${shell}/bin/cat "\$2"
    END
    chmod 755 $out/bin/atticd
  '';

  root = derive "attic-root" ''
    mkdir -p $out/bin $out/etc/ssl/certs $out/share
    ln -s ${server}/bin/atticd $out/bin/atticd
    ln -s ${cacert}/etc/ssl/certs/ca-bundle.crt $out/etc/ssl/certs/ca-bundle.crt
    ln -s ${tzdata}/share/zoneinfo $out/share/zoneinfo
  '';
in
images.buildImage {
  inherit name previousPlan;
  copyToRoot = root;
  config = {
    Entrypoint = [ "/bin/atticd" ];
    Cmd = [ "--config" "/etc/attic/server.toml" "--mode" "monolithic" ];
    Env = [
      "SSL_CERT_FILE=${cacert}/etc/ssl/certs/ca-bundle.crt"
      "TZ=UTC"
    ];
    ExposedPorts."8080/tcp" = { };
    Labels = {
      "org.opencontainers.image.source" = "https://github.com/zhaofengli/attic";
      "org.opencontainers.image.licenses" = "Zlib";
    };
  };
}
