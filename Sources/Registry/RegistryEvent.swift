public import OCICore

/// What happens between us and a registry: for progress, logs and tests. Comes from several tasks at once.
public struct RegistryEvent: Sendable {
  /// What happened.
  public enum Kind: Sendable {
    /// A blob waits to be sent.
    case queued(Descriptor)
    /// The repository has the blob.
    case exists(Descriptor)
    /// The registry has linked the blob from another repository.
    case mounted(Descriptor, from: String)
    /// So many bytes of a blob have gone out in all; less than before when it was begun anew. The descriptor has no size and
    /// no digest (`Descriptor.isUnknown`) while a blob is sent whose content is still being made.
    case sent(Descriptor, bytes: Int64)
    /// An upload that broke off goes on at an offset, in bytes.
    case resumed(Descriptor, offset: Int64)
    /// The repository has taken the blob.
    case done(Descriptor)
    /// Something failed and is tried again after a pause.
    case retrying(what: String, reason: String, attempt: Int, pause: Duration)
    /// The registry asked for a pause (`Retry-After`), and all requests to it wait so long.
    case throttled(pause: Duration, asked: Duration)
    /// The registry would not take a blob in one way, and gets it in another from now on.
    case changedMethod(from: UploadMethod, to: UploadMethod, reason: String)
    /// A manifest was stored, under a tag or a digest.
    case published(String)
    /// A request was answered.
    case request(method: String, path: String, status: Int)
    /// Credentials were found for the repository; never the secret.
    case credentials(String)
    /// The registry sent a warning for people (`Warning` header, distribution-spec §Warnings).
    case warning(String)
  }

  /// Where: the registry's host, with the repository where it concerns one.
  public let place: String
  /// What happened.
  public let kind: Kind

  init(_ place: String, _ kind: Kind) {
    self.place = place
    self.kind = kind
  }
}

extension RegistryEvent: CustomStringConvertible {
  /// One line, for logs.
  public var description: String {
    switch kind {
    case .queued(let blob): "\(place): queued \(blob)"
    case .exists(let blob): "\(place): has \(blob)"
    case .mounted(let blob, let source): "\(place): mounted \(blob) from \(source)"
    case .sent(let blob, let bytes): "\(place): sent \(bytes) bytes of \(blob)"
    case .resumed(let blob, let offset): "\(place): resumed \(blob) at byte \(offset)"
    case .done(let blob): "\(place): has taken \(blob)"
    case .retrying(let what, let reason, let attempt, let pause):
      "\(place): \(what): attempt \(attempt) failed (\(reason)); trying again after \(pause)"
    case .throttled(let pause, let asked): "\(place): asks for a pause of \(asked); waiting \(pause)"
    case .changedMethod(let old, let new, let reason): "\(place): uploads by \(new) instead of \(old): \(reason)"
    case .published(let reference): "\(place): published \(reference)"
    case .request(let method, let path, let status): "\(place): \(method) \(path) \(status)"
    case .credentials(let text): "\(place): uses \(text)"
    case .warning(let text): "\(place): warns: \(text)"
    }
  }
}
