import ImageAssembly
import LayerGraph
import OCICore
import SystemPackage

/// What a binary cache says of a path leads nowhere but below the cache, and what is signed of it can be read in one way alone.
func checkNarinfo(_ input: [UInt8]) throws -> Bool {
  guard let info = try? NarInfo(parsing: input) else { return false }
  try require(info.narSize > 0 && (info.fileSize ?? 0) >= 0, "sizes are not negative")
  try require(!info.url.hasPrefix("/") && !info.url.contains("://"), "an address is below the cache")
  let place = info.url.prefix { $0 != "?" }
  try require(!place.split(separator: "/").contains(".."), "an address stays below the cache")
  for path in info.references + [info.storePath] {
    let path = FilePath(path)
    try require(path.isAbsolute && path.isLexicallyNormal, "a store path has one form")
    try require(path.components.count > 1, "a store path is in a store")
  }
  let parts = info.fingerprint.split(separator: ";", omittingEmptySubsequences: false)
  try require(
    parts.count == 5 && parts[1] == info.storePath && parts[3] == "\(info.narSize)"
      && parts[4].split(separator: ",").elementsEqual(info.references, by: ==),
    "what is signed has one meaning: \(info.fingerprint)")
  _ = info.isSigned(by: [])
  return true
}

/// A plan that is read, written and read is equal, its history too.
func checkPlan(_ input: [UInt8]) throws -> Bool {
  guard let document = try? PlanDocument(json: input, name: "input") else { return false }
  let again = try PlanDocument(json: document.json.canonicalBytes, name: "again")
  try require(again.plan == document.plan, "a plan that is written and read is equal")
  try require(again.history?.text == document.history?.text, "its history that is written and read is equal")
  return true
}

/// An image's description that is read, written and read is the same image of the same sources.
func checkDescription(_ input: [UInt8]) throws -> Bool {
  guard let image = try? AssembledImage(description: input, name: "input", in: "/d") else { return false }
  // Names of files need not be Unicode, which a document has to be.
  guard let written = try? image.description(in: "/d") else { return true }
  let again = try AssembledImage(description: written.canonicalBytes, name: "again", in: "/d")
  try require(again.descriptor.digest == image.descriptor.digest, "it is the same image")
  try require(try again.description(in: "/d") == written, "a description that is read is written as it was")
  return true
}
