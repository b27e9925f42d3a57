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
  func digest(_ batch: LayerBatch, _ slot: Slot) {
    forEachContent(of: batch, slot, partial: false) { piece, bytes in
      var digester = Digester()
      digester.update(bytes)
      set(digester.finalize(), of: piece)
    }
  }

  /// Digests what a batch holds of larger files; to be called in the order of the batches.
  func continueDigests(_ batch: LayerBatch, _ slot: Slot) {
    forEachContent(of: batch, slot, partial: true) { piece, bytes in
      open.withLock { open in
        if piece.offset == 0 { open = SHA256Stream() }
        if let open { HashLanes.shared.update(open, bytes) }
        guard piece.offset + Int64(piece.count) == piece.size, let digest = open.take()?.digest else { return }
        set(digest, of: piece)
      }
    }
  }

  private func forEachContent(
    of batch: LayerBatch, _ slot: Slot, partial: Bool, _ body: (LayerBatch.Piece, Span<UInt8>) -> Void
  ) {
    slot.withTar { tar in
      var position = 0
      for piece in batch.pieces {
        if piece.member != nil, piece.isPartial == partial {
          body(piece, tar.extracting(position..<position + piece.count))
        }
        position += piece.count
      }
    }
  }

  private func set(_ digest: Digest, of piece: LayerBatch.Piece) {
    guard let member = piece.member else { return }
    entries.withLock { $0[member].digest = digest }
  }
}
