import ImageAssembly
import LayerGraph
import OCICore
import SystemPackage
import Tarball

/// What the image of the server is, whatever closure it is made of.
struct AtticServer {
  /// The account that the server runs under.
  static let user = SystemFiles.User("atticd", uid: 1000, home: "/var/lib/atticd", comment: "binary cache")
  /// Where the configuration is mounted: a file of the deployment, not of the image.
  static let configurationFile = "/etc/attic/server.toml"

  /// How a container is started. Secrets are not here: the deployment gives them by environment, as `ATTIC_SERVER_…`.
  static var settings: ImageSettings {
    var settings = ImageSettings()
    settings.runtime.entrypoint = ["/bin/atticd"]
    settings.runtime.command = ["--config", configurationFile, "--mode", "monolithic"]
    settings.runtime.user = "\(user.uid):\(user.gid)"
    settings.runtime.workingDirectory = user.home.string
    settings.runtime.exposedPorts = ["8080/tcp"]
    settings.runtime.volumes = [user.home.string]
    settings.runtime.stopSignal = "SIGINT"
    settings.runtime.setEnvironment("SSL_CERT_FILE", "/etc/ssl/certs/ca-bundle.crt")
    settings.runtime.setEnvironment("TZ", "UTC")
    settings.runtime.labels = [
      "org.opencontainers.image.title": "attic-server",
      "org.opencontainers.image.source": "https://github.com/zhaofengli/attic",
    ]
    return settings
  }

  /// The image of a closure, planned so that the layers of the version before are kept where they can be.
  /// - Parameters:
  ///   - root: The store path whose content is put at `/`, with `bin/atticd`.
  ///   - previous: The description of the version before, if there is one.
  static func image(closure: FilePath, root: FilePath, previous: FilePath?) throws -> ClosureImage {
    var image = ClosureImage(try StoreGraph(nixJSONFile: closure), copyToRoot: [root], settings: settings)
    image.maximumLayers = 20
    // Accounts, the directory of the data with its owner, the empty directory to mount the configuration in, and /tmp.
    let mountPoint = LayerRecipe([], entries: [LayerEntry("/etc/attic", .directory)])
    let system = try SystemFiles.accounts([.root, user]).merged(with: SystemFiles.temporaryDirectories)
    image.otherLayers = [LayerContent(system.merged(with: mountPoint))]
    if let previous { image.planning.previous = try PlanDocument(jsonFile: previous).plan }
    return image
  }
}
