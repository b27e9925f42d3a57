import Foundation
import ImageAssembly
import LayerGraph
import OCICore
import Registry
import SystemPackage
import Tarball

// A directory, or a closure as Nix's JSON, becomes an image; the image goes into a layout and into a registry.
let arguments = CommandLine.arguments
guard arguments.count == 4 else {
  print("usage: embedder DIRECTORY|CLOSURE.json LAYOUT REFERENCE")
  exit(64)
}
let source = FilePath(arguments[1])
let isClosure = source.extension == "json"
let image =
  isClosure
  ? try await ClosureImage(StoreGraph(nixJSONFile: source)).assemble()
  : try await ImageRecipe(layers: [LayerContent(LayerRecipe([.init(source, at: "/")], metadata: .normalized))])
    .assemble()
try await image.push(to: ImageLayoutStore(FilePath(arguments[2])), tags: ["latest"])
let reference = try ImageReference(arguments[3])
try await RegistryClient.using(.system()) { client in
  try await image.push(to: client.repository(reference), tags: [reference.tag ?? "latest"])
}
print(image.descriptor.digest)
