public import LayerGraph
public import OCICore
public import SystemPackage

/// What Nix in an image has to know of the store paths that are there: without it they count as leftovers, which are
/// built or fetched again, and collected as garbage.
///
/// Paths are registered at time 0, without deriver and signatures, and each is a root of the garbage collector. The same
/// paths give the same bytes, whatever their order, the machine and its version of SQLite.
public struct NixDatabase: Sendable {
  /// The version of the schema, that of Nix 2.8 and later.
  static let schemaVersion = 10

  private static let store = "/nix/store/"

  /// A row of each path, in the order of their bytes.
  private struct Registration {
    var path: String
    var hash: String
    var size: Int64
    /// The places, from 1 on, of what it refers to.
    var references: [Int64]
  }
  private let registrations: [Registration]

  /// Prepares the registration of all paths of a graph, whose sizes must be those of their NAR archives.
  /// - Throws: `AssemblyError`: `incompleteClosure`, or `invalidClosure` for a path whose hash is not known, or that is not
  ///   in `/nix/store`.
  public init(graph: StoreGraph, hashes: NarHashes) throws(AssemblyError) {
    if let missing = graph.outsideReferences.first {
      throw AssemblyError(
        .incompleteClosure,
        "'\(missing.from)' refers to '\(missing.to)', which is not in the closure, so Nix would not take it for valid; give the whole closure"
      )
    }
    let places = Dictionary(uniqueKeysWithValues: zip(graph.nodes.map(\.path), Int64(1)...))
    let referringToThemselves = Set(graph.selfReferences)
    var registrations: [Registration] = []
    for node in graph.nodes {
      let name = node.path.dropFirst(Self.store.count)
      guard node.path.hasPrefix(Self.store), !name.isEmpty, !name.contains("/"), !name.hasPrefix(".") else {
        throw AssemblyError(
          .invalidClosure,
          "'\(node.path)' is no path of '\(Self.store)', where alone Nix in an image looks; leave out the database")
      }
      guard let hash = hashes.sha256(of: node.path) else {
        throw AssemblyError(
          .invalidClosure,
          "the NAR hash of '\(node.path)' is not known, and Nix's database must hold it; give a closure with narHash, as nix path-info --json prints it"
        )
      }
      let references = node.references + (referringToThemselves.contains(node.path) ? [node.path] : [])
      registrations.append(
        Registration(
          path: node.path, hash: "sha256:\(hash)", size: node.size, references: references.compactMap { places[$0] }))
    }
    self.registrations = registrations
  }

  /// Writes `nix/var/nix`, and `nix/store/.links`, where Nix keeps its links between equal files.
  /// - Parameter directory: What becomes `/` of the image. The store paths may be there; a database may not.
  /// - Throws: `OCIError.Code.ioFailure`.
  public func write(to directory: FilePath) throws(OCIError) {
    let state = directory.appending("nix").appending("var").appending("nix")
    guard try !FileSystem.existsWithoutFollowing(state) else {
      throw OCIError(.ioFailure, "'\(state)' is there already, and is not changed; give a directory without it")
    }
    let bytes = try databaseBytes()
    let database = state.appending("db")
    let roots = state.appending("gcroots").appending("docker")
    for path in [database, roots, directory.appending("nix").appending("store").appending(".links")] {
      for created in try FileSystem.createDirectories(path) { try FileSystem.setMode(0o755, of: created) }
    }
    for path in registrations.map(\.path) {
      try FileSystem.createSymbolicLink(roots.appending(String(path.dropFirst(Self.store.count))), to: path)
    }
    try Self.write(Array("\(Self.schemaVersion)".utf8), to: database.appending("schema"))
    try Self.write(bytes, to: database.appending("db.sqlite"))
  }

  private static func write(_ bytes: [UInt8], to file: FilePath) throws(OCIError) {
    try FileSystem.replace(file, with: bytes, isDurable: false)
    try FileSystem.setMode(0o644, of: file)
  }

  /// The file `db.sqlite`.
  private func databaseBytes() throws(OCIError) -> [UInt8] {
    let file = try SQLiteFile()
    try file.execute("BEGIN")
    try file.execute(Self.tables)
    try file.execute(
      "INSERT INTO ValidPaths (id, path, hash, registrationTime, narSize) VALUES (?, ?, ?, 0, ?)",
      rows: zip(Int64(1)..., registrations).lazy.map { id, path in
        [.integer(id), .text(path.path), .text(path.hash), .integer(path.size)]
      })
    try file.execute(
      "INSERT INTO Refs (referrer, reference) VALUES (?, ?)",
      rows: zip(Int64(1)..., registrations).lazy.flatMap { id, path in
        path.references.sorted().map { [.integer(id), .integer($0)] }
      })
    try file.execute(Self.indexes)
    try file.execute("COMMIT")
    return try file.bytes()
  }

  private static let tables = """
    CREATE TABLE ValidPaths (
      id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
      path TEXT UNIQUE NOT NULL,
      hash TEXT NOT NULL,
      registrationTime INTEGER NOT NULL,
      deriver TEXT,
      narSize INTEGER,
      ultimate INTEGER,
      sigs TEXT,
      ca TEXT
    );
    CREATE TABLE Refs (
      referrer INTEGER NOT NULL,
      reference INTEGER NOT NULL,
      PRIMARY KEY (referrer, reference),
      FOREIGN KEY (referrer) REFERENCES ValidPaths (id) ON DELETE CASCADE,
      FOREIGN KEY (reference) REFERENCES ValidPaths (id) ON DELETE RESTRICT
    );
    CREATE TABLE DerivationOutputs (
      drv INTEGER NOT NULL,
      id TEXT NOT NULL,
      path TEXT NOT NULL,
      PRIMARY KEY (drv, id),
      FOREIGN KEY (drv) REFERENCES ValidPaths (id) ON DELETE CASCADE
    );
    """

  // A path that refers to itself could not be deleted without the trigger.
  private static let indexes = """
    CREATE INDEX IndexReferrer ON Refs (referrer);
    CREATE INDEX IndexReference ON Refs (reference);
    CREATE INDEX IndexDerivationOutputs ON DerivationOutputs (path);
    CREATE TRIGGER DeleteSelfRefs BEFORE DELETE ON ValidPaths
    BEGIN
      DELETE FROM Refs WHERE referrer = old.id AND reference = old.id;
    END;
    """
}
