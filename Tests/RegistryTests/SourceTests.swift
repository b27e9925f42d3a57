import OCICore
import OCITesting
import Registry
import Testing

/// What goes wrong on our own side of an upload.
struct SourceTests {
  private struct DiskFailure: Error, Equatable { var number = 5 }

  private let bytes = [UInt8](repeating: 3, count: 3 << 20)
  private var blob: Descriptor { Descriptor(mediaType: .layerTar, describing: bytes) }

  @Test func anErrorOfTheSourceSurfacesUnchangedAndIsNotRetried() async throws {
    try await withTestRegistry { registry in
      let opened = Recorder<Void>()
      let first = Array(bytes.prefix(1 << 20))
      let source = BlobSource {
        opened.append(())
        return ByteStream { writer in
          try writer.write(first)
          throw DiskFailure()
        }
      }
      await #expect(throws: DiskFailure()) { try await registry.repository().push(blob, from: source) }
      #expect(opened.values.count == 1 && registry.count("POST") == 1 && registry.server.openUploads == 0)
    }
  }

  @Test func aSourceThatCannotBeOpenedLeavesNoSession() async throws {
    try await withTestRegistry { registry in
      await #expect(throws: DiskFailure()) {
        try await registry.repository().push(blob, from: BlobSource { throw DiskFailure() })
      }
      #expect(registry.server.openUploads == 0)
    }
  }

  @Test func anErrorOfAnotherRegistryIsNotRetriedEither() async throws {
    try await withTestRegistry { registry in
      let failure = RegistryError(.connectionLost, "of the source")
      await #expect { try await registry.repository().push(blob, from: BlobSource { throw failure }) } throws: {
        ($0 as? RegistryError)?.message == "of the source"
      }
      #expect(registry.count("POST") == 1)
    }
  }

  @Test(arguments: ["changed", "shorter", "longer"]) func wrongContentNeverCompletes(what: String) async throws {
    var wrong = bytes
    switch what {
    case "changed": wrong[wrong.count - 1] ^= 1
    case "shorter": wrong.removeLast()
    default: wrong.append(0)
    }
    let code: OCIError.Code = what == "changed" ? .digestMismatch : .sizeMismatch
    let content = wrong
    try await withTestRegistry { registry in
      await #expect { try await registry.repository().push(blob, from: BlobSource(content)) } throws: {
        ($0 as? OCIError)?.code == code
      }
      let exists = try await registry.repository().exists(blob)
      #expect(!exists)
      // A source of another size is never sent whole; what a digest is, the registry finds out.
      let isRefused = what == "changed" ? 400 : 0
      #expect(registry.server.requests.allSatisfy { $0.method != "PUT" || $0.status == isRefused })
      #expect(registry.count("POST") == 1 && registry.server.openUploads == 0)
    }
  }

  @Test func anEmptyBlobIsChecked() async throws {
    try await withTestRegistry { registry in
      let empty = Descriptor(mediaType: .layerTar, describing: [])
      await #expect { try await registry.repository().push(empty, from: BlobSource([1])) } throws: {
        ($0 as? OCIError)?.code == .sizeMismatch
      }
      try await registry.repository().push(empty, from: BlobSource([]))
      #expect(try await registry.repository().exists(empty))
    }
  }
}
