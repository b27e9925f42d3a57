import Foundation
import ImageAssembly
import OCICore
import Registry
import SystemPackage
import Tarball

// static-site DIRECTORY BASE DESTINATION, where BASE is a reference or oci:LAYOUT:TAG, and DESTINATION a reference
let arguments = CommandLine.arguments.dropFirst().map(\.self)
guard arguments.count == 3 else {
  print("usage: static-site DIRECTORY BASE DESTINATION")
  exit(64)
}
let (directory, baseName) = (FilePath(arguments[0]), arguments[1])
let destination = try ImageReference(arguments[2])

/// The base image by its name. Of its layers, nothing is read here.
func findBase(_ client: RegistryClient) async throws -> BaseImage {
  func base(_ tag: String, in store: some TagStore) async throws -> BaseImage {
    guard let root = try await store.resolve(tag) else { throw OCIError(.notFound, "there is no base \(baseName)") }
    return try await BaseImage(root, in: store, name: baseName)
  }
  if baseName.hasPrefix("oci:") {
    let parts = baseName.dropFirst("oci:".count).split(separator: ":").map(String.init)
    return try await base(parts.count > 1 ? parts[1] : "latest", in: ImageLayoutStore(FilePath(parts[0])))
  }
  let reference = try ImageReference(baseName)
  return try await base(reference.tag ?? "latest", in: client.repository(reference))
}

// The site, without what editors and version control leave behind, and with modes that no umask has touched.
var files = FileMap()
files.add(directory, at: "/srv/www")
files.excluded = [try PathPattern("**/.git"), try PathPattern("**/*~")]

try await RegistryClient.using(.system()) { client in
  var recipe = ImageRecipe(layers: [LayerContent(try files.recipe())], base: try await findBase(client))
  recipe.settings.runtime.command = ["httpd", "-f", "-p", "8080", "-h", "/srv/www"]
  recipe.settings.runtime.exposedPorts = ["8080/tcp"]
  recipe.settings.runtime.workingDirectory = "/srv/www"
  let image = try await recipe.assemble()
  try await image.push(to: client.repository(destination), tags: [destination.tag ?? "latest"])
  print("\(destination.withoutTagOrDigest)@\(image.descriptor.digest)")
}
