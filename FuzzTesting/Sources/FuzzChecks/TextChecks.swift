import OCICore

func checkDigest(_ input: [UInt8]) throws -> Bool {
  guard let text = String(validating: input, as: UTF8.self), let digest = try? Digest(text) else { return false }
  try require(Array(digest.description.utf8) == input, "a digest is its text")
  try checkText(digest)
  return true
}

/// Digests become names of files and parts of addresses.
func checkText(_ digest: Digest) throws {
  try require(try Digest(digest.description) == digest, "a digest that is written and read is equal")
  for part in [digest.algorithm.name, digest.encoded] {
    try require(!part.isEmpty && part.utf8.count <= 255, "a part of a digest can be the name of a file")
    try require(
      part.utf8.allSatisfy { (0x21...0x7E).contains($0) } && !part.contains(where: { "/\\:%?#".contains($0) }),
      "a part of a digest leads nowhere")
    try require(part != "." && part != ".." && !part.hasPrefix("."), "a part of a digest is no directory")
  }
  if let length = digest.algorithm.hexLength {
    try require(digest.encoded.utf8.count == length, "a registered digest has its length")
  }
}

func checkReference(_ input: [UInt8]) throws -> Bool {
  guard let text = String(validating: input, as: UTF8.self), let reference = try? ImageReference(text) else {
    return false
  }
  let again = try ImageReference(reference.description, defaultHost: nil)
  try require(again == reference, "a reference that is written and read is equal")
  try require(again.description == reference.description, "equal references have equal texts")
  try require(try ImageReference(reference.familiarName) == reference, "a familiar name means the same")
  try require(reference.repository.utf8.count <= 255, "a repository has at most 255 characters")
  try require(
    reference.description.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a reference is printable ASCII")
  for component in reference.repository.split(separator: "/", omittingEmptySubsequences: false) {
    try require(!component.isEmpty && !component.hasPrefix("."), "no component of a repository is a directory")
  }
  try require(!reference.host.contains("@") && !reference.host.contains("/"), "a host is a host")
  _ = reference.isLoopback
  if let digest = reference.digest { try checkText(digest) }
  return true
}
