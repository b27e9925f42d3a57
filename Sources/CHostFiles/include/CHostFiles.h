#ifndef FLYWHEEL_CHOSTFILES_H
#define FLYWHEEL_CHOSTFILES_H

#include <stddef.h>
#include <sys/types.h>

// System calls that the C library's Swift modules do not offer. All give -1 with errno where they fail.

#if defined(__linux__)
// Fills a buffer with directory entries as the kernel has them (`linux_dirent64`); gives the count of bytes, 0 at the end. The
// readdir of the C library allocates for every directory.
ssize_t flywheel_read_directory(int descriptor, void *buffer, size_t size);

// fstat: newer C libraries ask for the status of an empty path instead, which takes longer, and a layer asks twice for every
// file. `status` is a `struct stat`.
int flywheel_status(int descriptor, void *status);

// The number of the processor that the caller is on, perhaps not for long.
int flywheel_processor(void);
#endif

// The names of a path's extended attributes, each with its NUL, and the value of one; the size alone where `size` is 0. A
// symbolic link is not followed.
ssize_t flywheel_list_attributes(const char *path, void *buffer, size_t size);
ssize_t flywheel_get_attribute(const char *path, const char *name, void *buffer, size_t size);
int flywheel_set_attribute(const char *path, const char *name, const void *value, size_t size);

// Lets all threads share two heaps, where the C library would make one for each.
void flywheel_bound_heaps(void);

#endif
