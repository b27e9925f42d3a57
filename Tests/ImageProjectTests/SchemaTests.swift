import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

@testable import ImageProject

/// The guide's example and the schema for editors say what the reader takes.
struct SchemaTests {
  private static let docs = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
    .appending("docs")

  private func example() throws -> String {
    let page = String(decoding: try FileSystem.contents(of: Self.docs.appending("project-file.md")), as: UTF8.self)
    let start = try #require(page.range(of: "```yaml\n"))
    let end = try #require(page.range(of: "```", range: start.upperBound..<page.endIndex))
    return String(page[start.upperBound..<end.lowerBound])
  }

  @Test func theGuidesExampleIsAProject() async throws {
    try await withTemporaryDirectory { directory in
      try FileSystem.replace(directory.appending("plan.json"), with: Array(#"[["/nix/store/a"]]"#.utf8))
      let project = try Project.read(Array(try example().utf8), file: "flywheel.yaml", directory: directory).project
      #expect(project.images.count == 2 && project.contextNames == ["overlay", "upstream"])
    }
  }

  /// The members that the schema names are those that the reader asks for.
  @Test func theSchemaKnowsEveryMember() throws {
    let schema = try JSON(parsing: FileSystem.contents(of: Self.docs.appending("flywheel.schema.json")))
    func members(_ path: [String]) -> Set<String> {
      var json: JSON? = schema
      for name in path { json = json?.objectValue?[name] }
      return Set(json?.objectValue?.members.map(\.name) ?? [])
    }
    let top = members(["properties"])
    let image = members(["$defs", "image", "properties"]).union(members(["$defs", "source", "properties"]))
    for name in top where name != "images" {
      // Each is read, so a wrong value of it is told.
      let faults = try #require(throws: ProjectFaults.self) {
        try Project.read(Array("\(name): {a: [1]}\nimages: {a: {closure: c}}".utf8), file: "f", directory: ".")
      }
      #expect(!faults.description.contains(" \(name) is no member"), "\(name)")
    }
    for name in image {
      let value = name == "config" ? "[1]" : "{a: [{b: 1}]}"
      let faults = try #require(throws: ProjectFaults.self) {
        try Project.read(Array("images: {a: {\(name): \(value)}}".utf8), file: "f", directory: ".")
      }
      #expect(!faults.description.contains("images.a.\(name) is no member"), "\(name)")
    }
    #expect(top.count == 7 && image.count == 19)
  }
}
