extension RegistryProfile {
  /// A registry about which nothing is known.
  public static let generic = RegistryProfile(name: "generic", signs: [])

  /// The built-in rows. The first that fits counts, and a registry that is recognised by its host is not looked at again.
  ///
  /// Sources: the distribution-spec, the registries' own documentation, and reports in the issues of their clients. Rows of
  /// services that cannot be tried on one machine leave `unknown` what no source states.
  public static let table: [RegistryProfile] = [
    RegistryProfile("GitHub Container Registry", [.host("ghcr.io")]) {
      // A PATCH with a Content-Range may have 4 MiB; whole blobs pass in one request.
      $0.maximumChunk = 4 << 20
      $0.takesManyTags = .no
      $0.hasReferrers = .no
      $0.mountsFromItself = .no
    },
    RegistryProfile(
      "GitLab", [.host("registry.gitlab.com"), .header("Gitlab-Container-Registry-Version", prefix: "")]
    ) {
      $0.takesSinglePost = .no
      $0.takesManyTags = .no
      $0.hasReferrers = .no
      $0.readsDigestTags = true
      $0.mountsFromItself = .yes
      $0.mountsFromAnywhere = .no
    },
    RegistryProfile("Docker Hub", [.host("docker.io")]) {
      $0.takesSinglePost = .no
      $0.takesManyTags = .no
      $0.mountsFromItself = .no
      $0.mountsFromAnywhere = .no
    },
    RegistryProfile("Amazon ECR", [.host("*.amazonaws.com"), .host("*.amazonaws.com.cn"), .host("public.ecr.aws")]) {
      // Chunks after the second are thrown away, and the range does not say so; mounting is off unless it was set up.
      $0.uploads = [.put, .stream]
      $0.minimumChunk = 5 << 20
      $0.resumes = .no
      $0.takesSinglePost = .no
      $0.takesManyTags = .no
      $0.mountsFromItself = .no
      $0.mountsFromAnywhere = .no
    },
    RegistryProfile("Google Artifact Registry", [.host("pkg.dev"), .host("gcr.io")]) {
      $0.uploads = [.put, .stream]
      $0.resumes = .no
      $0.takesManyTags = .no
      $0.mountsFromItself = .no
    },
    RegistryProfile("Azure Container Registry", [.host("azurecr.io"), .host("azurecr.cn"), .host("azurecr.us")]) {
      $0.takesManyTags = .no
      $0.mountsFromItself = .no
    },
    RegistryProfile("Quay", [.host("quay.io"), .header("X-Quay-Request-Id", prefix: "")]) {
      $0.statusRangeCounts = true
      $0.takesSinglePost = .no
      $0.takesManyTags = .no
      $0.mountsFromItself = .no
      $0.mountsFromAnywhere = .no
    },
    RegistryProfile("Harbor", [.service("harbor-registry")]) {
      // Parallel uploads of one layer trip over each other there; those of one blob we never make.
      $0.takesSinglePost = .no
      $0.takesManyTags = .no
      $0.mountsFromAnywhere = .no
    },
    RegistryProfile(
      "Artifactory",
      [.header("X-JFrog-Version", prefix: ""), .header("X-Artifactory-Id", prefix: ""), .host("jfrog.io")]
    ) {
      // Old ones lose a blob that comes in one PUT, so the PATCH is tried first; blobs cannot be mounted.
      $0.uploads = [.stream, .put, .chunks]
      $0.takesSinglePost = .no
      $0.takesManyTags = .no
      $0.mounts = .no
      $0.mountsFromAnywhere = .no
      $0.mountsFromItself = .no
    },
    RegistryProfile("Nexus", [.header("Server", prefix: "Nexus/")]) {
      $0.takesSinglePost = .no
      $0.takesManyTags = .no
      $0.hasReferrers = .no
      $0.mountsFromAnywhere = .no
      $0.mountsFromItself = .no
    },
    RegistryProfile(
      "Gitea",
      [.header("X-Gitea-Version", prefix: ""), .header("Set-Cookie", prefix: "i_like_gitea="), .host("codeberg.org")]
    ) {
      // A second PATCH without a Content-Range is refused, so what broke off in a stream cannot go on.
      $0.uploads = [.put, .chunks]
      $0.takesSinglePost = .yes
      $0.takesManyTags = .no
      $0.mountsFromAnywhere = .yes
      $0.mountsFromItself = .yes
    },
    RegistryProfile("Flywheel", [.header("Server", prefix: "flywheel")]) {
      $0.takesSinglePost = .yes
      $0.takesManyTags = .yes
      $0.hasReferrers = .yes
      $0.resumes = .yes
      $0.mounts = .yes
      $0.mountsFromAnywhere = .yes
      $0.mountsFromItself = .yes
    },
    RegistryProfile("zot", [.header("Server", prefix: "zot"), .service("zot")]) { $0.takesManyTags = .no },
    RegistryProfile("Cloudflare", [.header("Server", prefix: "cloudflare")]) {
      // What stands behind it is unknown, but nothing larger than this passes in one request.
      $0.maximumRequest = 100_000_000
      $0.maximumChunk = 95 << 20
    },
    // The most used server, and the ground of many of the above, which are looked for first.
    RegistryProfile("distribution", [.uploadParameter("_state")]) {
      $0.takesSinglePost = .no
      $0.takesManyTags = .no
      $0.hasReferrers = .no
      $0.mountsFromAnywhere = .no
      $0.mountsFromItself = .yes
    },
  ]
}
