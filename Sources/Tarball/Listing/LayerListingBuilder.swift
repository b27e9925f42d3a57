internal import OCICore
internal import Synchronization

/// Collects the listing of an archive while it is read, or of a layer while it is produced: the walk gives the members, fillers the digests of files that lie
/// in one batch, the consumer those of the others.
final class LayerListingBuilder: Sendable {
  private let entries = Mutex<[LayerListing.Entry]>([])
  /// The file that the consumer is in.
  private let open = Mutex<SHA256Stream?>(nil)

  var listing: LayerListing { LayerListing(entries: entries.withLock { $0 }) }

  func append(_ entry: LayerListing.Entry) { entries.withLock { $0.append(entry) } }

  /// Digests the files that a batch holds whole.
  func digest(_ slot: Slot) {
    forEachContent(of: slot, partial: false) { content, bytes in
      var digester = Digester()
      digester.update(bytes)
      set(digester.finalize(), of: content)
    }
  }

  /// Has digested what a batch holds of larger files; to be called in the order of the batches.
  /// - Parameter submit: Adds bytes to a stream, now or later, and then calls the function that it is given.
  func continueDigests(
    _ slot: Slot, _ submit: (SHA256Stream, Span<UInt8>, @escaping @Sendable () -> Void) -> Void
  ) {
    forEachContent(of: slot, partial: true) { content, bytes in
      let stream = open.withLock { open in
        if content.stretch.offset == 0 { open = SHA256Stream() }
        return content.isLast ? open.take() : open
      }
      guard let stream else { return }
      submit(stream, bytes) { [self] in
        if content.isLast { set(stream.digest, of: content) }
      }
    }
  }

  private func forEachContent(of slot: Slot, partial: Bool, _ body: (Slot.Content, Span<UInt8>) -> Void) {
    slot.withTar { tar in
      for content in slot.contents where content.isPartial == partial {
        body(content, tar.extracting(content.stretch.range))
      }
    }
  }

  private func set(_ digest: Digest, of content: Slot.Content) {
    entries.withLock { $0[content.member].digest = digest }
  }
}
