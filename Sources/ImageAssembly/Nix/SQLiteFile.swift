internal import CSQLite
internal import OCICore

/// A database that is made in memory and becomes the bytes of a file: the same for the same statements.
///
/// The only file that knows SQLite's C interface.
@safe final class SQLiteFile {
  /// What a column of a row holds.
  enum Value {
    case integer(Int64)
    case text(String)
  }

  private static let pageSize = 4096
  private let connection: OpaquePointer

  /// Starts an empty database.
  /// - Throws: `OCIError.Code.ioFailure`, as everything here.
  init() throws(OCIError) {
    var opened: OpaquePointer?
    let status = unsafe sqlite3_open_v2(
      ":memory:", &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY, nil)
    guard status == SQLITE_OK, let opened = unsafe opened else {
      unsafe sqlite3_close_v2(opened)
      throw Self.failure("open", unsafe String(cString: sqlite3_errstr(status)))
    }
    unsafe connection = opened
    // Whoever built the library chose defaults for these, and cleared or left what was deleted.
    try execute(
      "PRAGMA page_size = \(Self.pageSize); PRAGMA encoding = 'UTF-8'; PRAGMA auto_vacuum = 0; PRAGMA secure_delete = 1"
    )
    var reserved: Int32 = 0
    unsafe sqlite3_file_control(connection, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved)
  }

  deinit { unsafe sqlite3_close_v2(connection) }

  /// Runs statements that give nothing.
  func execute(_ statements: String) throws(OCIError) {
    guard unsafe sqlite3_exec(connection, statements, nil, nil, nil) == SQLITE_OK else { throw failure("change") }
  }

  /// Runs one statement for each row, whose values take the places of its question marks.
  func execute(_ statement: String, rows: some Sequence<[Value]>) throws(OCIError) {
    var prepared: OpaquePointer?
    guard unsafe sqlite3_prepare_v2(connection, statement, -1, &prepared, nil) == SQLITE_OK else {
      throw failure("change")
    }
    defer { unsafe sqlite3_finalize(prepared) }
    for row in rows {
      for (position, value) in zip(Int32(1)..., row) {
        let status =
          switch value {
          case .integer(let number): unsafe sqlite3_bind_int64(prepared, position, number)
          case .text(let text): unsafe bind_copied_text(prepared, position, text, Int32(text.utf8.count))
          }
        guard status == SQLITE_OK else { throw failure("change") }
      }
      guard unsafe sqlite3_step(prepared) == SQLITE_DONE, unsafe sqlite3_reset(prepared) == SQLITE_OK else {
        throw failure("change")
      }
    }
  }

  /// The file, its pages in order and without leftovers.
  func bytes() throws(OCIError) -> [UInt8] {
    try execute("VACUUM")
    var count: sqlite3_int64 = 0
    guard let content = unsafe sqlite3_serialize(connection, "main", &count, 0) else { throw failure("read") }
    defer { unsafe sqlite3_free(content) }
    var bytes = unsafe [UInt8](UnsafeBufferPointer(start: content, count: Int(count)))
    guard bytes.count >= Self.pageSize, bytes.count % Self.pageSize == 0 else { throw failure("read") }
    Self.clearFreeSpace(of: &bytes)
    Self.normalizeHeader(of: &bytes)
    return bytes
  }

  /// Header fields that tell which library wrote the file, and how often it was changed (Database File Format, §1.3).
  private static func normalizeHeader(of bytes: inout [UInt8]) {
    func set(_ value: Int, at offset: Int) {
      for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (24 - 8 * index)) }
    }
    // Both versions of the format: a rollback journal, no write-ahead log.
    (bytes[18], bytes[19]) = (1, 1)
    // A reader believes the number of pages where the file was changed as often as the last writer says.
    set(1, at: 24)
    set(bytes.count / pageSize, at: 28)
    set(1, at: 40)
    set(1, at: 92)
    set(3_000_000, at: 96)
  }

  /// What a page once held between its list of cells and the first cell: versions of the library clear more or less of it
  /// (Database File Format, §1.6).
  private static func clearFreeSpace(of bytes: inout [UInt8]) {
    for page in stride(from: 0, to: bytes.count, by: pageSize) {
      // The first page begins with the header of the file.
      let header = page + (page == 0 ? 100 : 0)
      func number(_ offset: Int) -> Int { Int(bytes[header + offset]) << 8 | Int(bytes[header + offset + 1]) }
      let headerSize: Int
      switch bytes[header] {
      case 2, 5: headerSize = 12
      case 10, 13: headerSize = 8
      default: continue
      }
      let start = header + headerSize + 2 * number(3)
      let end = min(page + number(5), page + pageSize)
      guard start < end else { continue }
      for index in start..<end { bytes[index] = 0 }
    }
  }

  private func failure(_ verb: String) -> OCIError {
    Self.failure(verb, unsafe String(cString: sqlite3_errmsg(connection)))
  }

  private static func failure(_ verb: String, _ reason: String) -> OCIError {
    OCIError(.ioFailure, "cannot \(verb) a database in memory: SQLite \(SQLITE_VERSION) says '\(reason)'")
  }
}
