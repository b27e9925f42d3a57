public import OCICore

/// What goes on while an image is assembled and pushed.
public enum AssemblyProgress: Sendable, Hashable {
  /// Something that is allowed, and may still not be what was meant.
  case warning(String)
  /// A layer's digest is computed, or taken from the cache.
  case digesting(layer: Int, of: Int, paths: Int)
  /// So many bytes of a layer's tar have been made; told for each MiB.
  case hashed(layer: Int, of: Int, bytes: Int64)
  /// A layer's digest is known: from the cache or a description, or because so many bytes have been hashed.
  case digested(layer: Int, of: Int, bytes: Int64, wasKnown: Bool)
  /// A destination is asked for the blob, and gets it if need be.
  case queued(Descriptor)
  /// A destination has the blob already.
  case skipped(Descriptor)
  /// A blob is sent.
  case pushing(Descriptor)
  /// So many bytes of the blob have been read for the destination, since it was last begun.
  case sending(Descriptor, bytes: Int64)
  /// A blob has arrived.
  case pushed(Descriptor)
  /// A tag names the image now, or did so before.
  case tagged(String, changed: Bool)
}
