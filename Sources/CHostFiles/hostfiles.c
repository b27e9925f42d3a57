#define _GNU_SOURCE

#include "CHostFiles.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__linux__)

#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>

ssize_t flywheel_read_directory(int descriptor, void *buffer, size_t size) {
  return syscall(SYS_getdents64, descriptor, buffer, size);
}

int flywheel_status(int descriptor, void *status) {
// Where the C library's structure is known to be the kernel's.
#if defined(SYS_fstat) && !defined(__ILP32__) && (defined(__x86_64__) || defined(__aarch64__))
  return (int)syscall(SYS_fstat, descriptor, status);
#else
  return fstat(descriptor, status);
#endif
}

int flywheel_processor(void) { return sched_getcpu(); }

ssize_t flywheel_list_attributes(const char *path, void *buffer, size_t size) { return llistxattr(path, buffer, size); }

ssize_t flywheel_get_attribute(const char *path, const char *name, void *buffer, size_t size) {
  return lgetxattr(path, name, buffer, size);
}

int flywheel_set_attribute(const char *path, const char *name, const void *value, size_t size) {
  return lsetxattr(path, name, value, size, 0);
}

#else

ssize_t flywheel_list_attributes(const char *path, void *buffer, size_t size) {
  return listxattr(path, buffer, size, XATTR_NOFOLLOW);
}

ssize_t flywheel_get_attribute(const char *path, const char *name, void *buffer, size_t size) {
  return getxattr(path, name, buffer, size, 0, XATTR_NOFOLLOW);
}

int flywheel_set_attribute(const char *path, const char *name, const void *value, size_t size) {
  return setxattr(path, name, value, size, 0, XATTR_NOFOLLOW);
}

#endif

void flywheel_bound_heaps(void) {
#if defined(__GLIBC__)
  mallopt(M_ARENA_MAX, 2);
#endif
}
