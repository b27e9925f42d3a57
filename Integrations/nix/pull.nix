# Images from registries, for fromImage.
{ tool, caBundle }:
let
  inherit (tool)
    system
    derive
    architecture
    ;

  # Names without a host are Docker Hub's.
  referenceOf =
    name:
    let
      first = builtins.head (builtins.split "/" name);
      hasSlash = builtins.match ".*/.*" name != null;
      isHost = hasSlash && (first == "localhost" || builtins.match ".*[.:].*" first != null);
    in
    if isHost then
      name
    else if hasSlash then
      "docker.io/${name}"
    else
      "docker.io/library/${name}";

  hostOf = reference: builtins.head (builtins.split "/" reference);

  registryOptions =
    {
      reference,
      tlsVerify,
      plainHttp,
    }:
    (if tlsVerify then [ ] else [ "--skip-tls-verify" (hostOf reference) ])
    ++ (if plainHttp then [ "--plain-http" (hostOf reference) ] else [ ]);

  # What a build that may use the network needs of its surroundings.
  fetch =
    { authFile, words, ... }@attributes:
    derivation (
      {
        inherit system;
        preferLocalBuild = true;
        impureEnvVars = [
          "http_proxy"
          "https_proxy"
          "HTTP_PROXY"
          "HTTPS_PROXY"
          "no_proxy"
          "NO_PROXY"
        ];
        # As a text: a path literal would put the credentials into the store.
        REGISTRY_AUTH_FILE = if authFile == null then "" else toString authFile;
        SSL_CERT_FILE = if caBundle == null then "" else "${caBundle}";
      }
      // tool.call words
      // removeAttrs attributes [
        "authFile"
        "words"
      ]
    );

  digestHex =
    digest:
    if builtins.match "sha256:[0-9a-f]{64}" digest == null then
      throw "flywheel: '${digest}' is no digest; it must be sha256: and 64 digits"
    else
      builtins.substring 7 64 digest;
in
{
  # An image by digest, as one fixed-output derivation: what skopeo's dir: has, so its hash is the one that nix2container wants.
  pullImage =
    {
      imageName,
      imageDigest,
      sha256,
      os ? "linux",
      arch ? architecture,
      variant ? null,
      tlsVerify ? true,
      plainHttp ? false,
      # Credentials as docker and podman write them; inside the sandbox only if it lets the path through.
      authFile ? "/etc/skopeo/auth.json",
      name ? "image-${builtins.replaceStrings [ "/" ":" "@" ] [ "-" "-" "-" ] imageName}",
    }:
    let
      reference = referenceOf imageName;
      platform = "${os}/${arch}" + (if variant == null then "" else "/${variant}");
    in
    fetch {
      inherit name authFile;
      words = [
        "copy"
        "docker://${reference}@${imageDigest}"
        "dir:${builtins.placeholder "out"}"
        "--platform"
        platform
        "--quiet"
      ]
      ++ registryOptions { inherit reference tlsVerify plainHttp; };
      outputHashMode = "recursive";
      outputHashAlgo = "sha256";
      outputHash = sha256;
    }
    // {
      imageReference = "${reference}@${imageDigest}";
    };

  # An image by a manifest that was stored: a fixed-output derivation a blob, so that images share what they share.
  pullImageFromManifest =
    {
      imageName,
      imageManifest,
      imageTag ? "latest",
      os ? "linux",
      arch ? architecture,
      variant ? null,
      tlsVerify ? true,
      plainHttp ? false,
      registryUrl ? "registry-1.docker.io",
      authFile ? "/etc/skopeo/auth.json",
    }:
    let
      host = if registryUrl == "registry-1.docker.io" || registryUrl == "registry.hub.docker.com" then "docker.io" else registryUrl;
      repository =
        if host == "docker.io" && builtins.match ".*/.*" imageName == null then "library/${imageName}" else imageName;
      reference = "${host}/${repository}";
      manifest = builtins.fromJSON (builtins.readFile imageManifest);
      descriptors =
        if manifest ? layers then
          [ manifest.config ] ++ manifest.layers
        else
          throw "flywheel: '${toString imageManifest}' is no image manifest; write one with getManifest";
      blob = descriptor: fetch {
        name = "blob-${builtins.substring 0 12 (digestHex descriptor.digest)}";
        inherit authFile;
        words = [
          "nix"
          "blob"
          "docker://${reference}@${descriptor.digest}"
          (builtins.placeholder "out")
          "--size"
          (toString descriptor.size)
          "--quiet"
        ]
        ++ registryOptions { inherit reference tlsVerify plainHttp; };
        outputHashMode = "flat";
        outputHashAlgo = "sha256";
        outputHash = digestHex descriptor.digest;
      };
      image = derive {
        name = "image-${builtins.replaceStrings [ "/" ] [ "-" ] imageName}";
        step = "directory";
        request = {
          manifest =
            if builtins.isString imageManifest && builtins.hasContext imageManifest || builtins.isAttrs imageManifest then
              "${imageManifest}"
            else
              "${builtins.path {
                path = imageManifest;
                name = "manifest.json";
              }}";
          blobs = builtins.listToAttrs (
            map (descriptor: {
              name = descriptor.digest;
              value = "${blob descriptor}";
            }) descriptors
          );
        };
      };
    in
    image
    // {
      imageReference = "${reference}:${imageTag}";
      # Prints the manifest that the tag names now, to be stored.
      getManifest = tool.script "get-manifest" (
        [
          "inspect"
          "--raw"
          (tool.quoted "docker://${reference}:${imageTag}")
          "--platform"
          ("${os}/${arch}" + (if variant == null then "" else "/${variant}"))
        ]
        ++ registryOptions { inherit reference tlsVerify plainHttp; }
      );
    };
}
