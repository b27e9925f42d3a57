extension ExtendedAttribute {
  /// The attribute that holds a file's capabilities.
  public static let capabilityName = "security.capability"

  /// The value of `security.capability` for a text as `setcap` takes it: `cap_net_bind_service=ep`, several names separated by commas.
  /// - Throws: `TarballError.Code.invalidRecipe`, naming what is not understood.
  public static func fileCapabilities(_ text: String) throws(TarballError) -> [UInt8] {
    func wrong(_ why: String) -> TarballError { TarballError(.invalidRecipe, "capabilities '\(text)': \(why)") }
    var permitted: UInt64 = 0
    var inheritable: UInt64 = 0
    var isEffective = false
    for clause in text.split(separator: " ") {
      guard let sign = clause.lastIndex(where: { $0 == "=" || $0 == "+" }), sign > clause.startIndex else {
        throw wrong("expected NAME[,NAME...]=FLAGS, e.g. cap_net_bind_service=ep")
      }
      var bits: UInt64 = 0
      for name in clause[..<sign].split(separator: ",") {
        guard let bit = names.firstIndex(of: name.lowercased()) else { throw wrong("there is no capability '\(name)'") }
        bits |= 1 << UInt64(bit)
      }
      for flag in clause[clause.index(after: sign)...] {
        switch flag {
        case "p": permitted |= bits
        case "i": inheritable |= bits
        case "e": isEffective = true
        default: throw wrong("the flags are e, i and p, not '\(flag)'")
        }
      }
    }
    // struct vfs_cap_data, revision 2: the revision and the effective bit, then permitted and inheritable in halves.
    let words: [UInt32] = [
      0x0200_0000 | (isEffective ? 1 : 0), UInt32(truncatingIfNeeded: permitted),
      UInt32(truncatingIfNeeded: inheritable),
      UInt32(truncatingIfNeeded: permitted >> 32), UInt32(truncatingIfNeeded: inheritable >> 32),
    ]
    return words.flatMap { word in [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: word >> $0) } }
  }

  /// By number, as Linux has them.
  private static let names = [
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
  ].map { "cap_\($0)" }
}
