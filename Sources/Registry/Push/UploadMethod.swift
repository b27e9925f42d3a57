/// A way to upload a blob (distribution-spec §Pushing Blobs), from the cheapest to the one that passes anywhere.
public enum UploadMethod: Int, Sendable, Hashable, CaseIterable, CustomStringConvertible {
  /// One POST with the digest and the bytes: for small blobs, where the registry takes it.
  case post
  /// POST, then one PUT with all the bytes.
  case put
  /// POST, then one PATCH that streams the bytes, then a closing PUT.
  case stream
  /// POST, then a PATCH with a Content-Range for each chunk, then a closing PUT.
  case chunks

  /// What is sent.
  public var description: String {
    switch self {
    case .post: "POST"
    case .put: "POST and PUT"
    case .stream: "POST, PATCH and PUT"
    case .chunks: "POST, PATCH in chunks and PUT"
    }
  }
}
