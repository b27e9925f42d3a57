import OCITesting
import Testing

@testable import Tarball

@Suite struct DirectoryListingTests {
  /// Whatever names have in common, and wherever one ends, they come in the order of their bytes.
  @Test(arguments: [UInt64](1...40)) func namesComeInTheOrderOfTheirBytes(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    // Names over few letters, behind a prefix, some of them the beginning of others; bytes above ASCII among them.
    let letters: [UInt8] = [0x01, 0x2D, 0x2E, 0x41, 0x61, 0x7F, 0x80, 0xFF]
    let common = [UInt8](repeating: 0x78, count: Int(random.next() % 20))
    var names: Set<[UInt8]> = []
    for _ in 0..<(1 + random.next() % 60) {
      let count = Int(random.next() % 14) + (common.isEmpty ? 1 : 0)
      names.insert(common + (0..<count).map { _ in letters[Int(random.next() % 3 + random.next() % 6)] })
    }
    names.remove([])
    var listing = DirectoryListing()
    for name in names { name.withUnsafeBufferPointer { listing.append(name: $0, .symlink) } }
    listing.sort()
    #expect(
      listing.entries.map { Array(listing.name(of: $0)) } == names.sorted { $0.lexicographicallyPrecedes($1) })
  }
}
