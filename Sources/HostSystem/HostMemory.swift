internal import CHostFiles

/// What a program can do about its memory before its threads begin.
package enum HostMemory {
  /// A heap a thread, which glibc makes, keeps what each of our threads has freed from the others: a third more memory for no
  /// less time. To be called by a program, not by a library, and before there are threads.
  package static func boundHeaps() { flywheel_bound_heaps() }
}
