import Foundation
import ImageAssembly
import OCICore
import Registry
import SystemPackage

// attic-server CLOSURE.json ROOT REPOSITORY DESCRIPTION [PREVIOUS-DESCRIPTION]
let arguments = CommandLine.arguments.dropFirst().map(\.self)
guard (4...5).contains(arguments.count) else {

  print("usage: attic-server CLOSURE.json ROOT REPOSITORY DESCRIPTION [PREVIOUS-DESCRIPTION]")
  exit(64)

}
let previous = arguments.count > 4 ? FilePath(arguments[4]) : nil
let closure = try AtticServer.image(
  closure: FilePath(arguments[0]), root: FilePath(arguments[1]), previous: previous)
let image = try await closure.assemble()

// What is deployed is the tag of the content, which never moves; `latest` is for people.
let tags = [ContentTag.text(for: image.descriptor.digest), "latest"]
let repository = try ImageReference(arguments[2])
let report = try await RegistryClient.using(.system()) { client in
  try await image.push(to: client.repository(repository), tags: tags)
}
// The next version is planned with this file; it is all the state there is.
try await image.writeDescription(to: FilePath(arguments[3]))
print("\(repository)@\(image.descriptor.digest)")
print("layers: \(image.layers.count), sent: \(report.copiedBlobs.count) blobs")
