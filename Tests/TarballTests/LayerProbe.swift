import OCICore
import SystemPackage

@testable import Tarball

/// What tests of recipes ask about the layers that they give.
protocol LayerProbe {}

extension LayerProbe {
  func bytes(of recipe: LayerRecipe) async throws -> [UInt8] {
    try await recipe.source(encoding: .none).open().collect(upTo: 64 << 20)
  }

  func names(_ recipe: LayerRecipe) async throws -> [String] {
    try await recipe.digestsAndListing(encoding: .none).listing.entries.map(\.name)
  }

  func entry(_ name: String, in recipe: LayerRecipe) async throws -> LayerListing.Entry? {
    try await recipe.digestsAndListing(encoding: .none).listing.entries.first { $0.name == name }
  }

  /// What both put into trees and archives.
  static var files: LayerRecipe {
    LayerRecipe(
      [],
      entries: [
        .init("/app/build/index.js", .file(Array("js".utf8))),
        .init("/app/build/index.js.map", .file(Array("map".utf8))),
        .init("/app/package.json", .file(Array("{}".utf8))), .init("/app/empty", .directory),
        .init("/etc/app.conf", .file([])), .init("/etc/link", .symlink(target: Array("app.conf".utf8))),
      ])
  }
}
