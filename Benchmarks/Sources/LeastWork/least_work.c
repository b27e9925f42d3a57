// The least that any program does that digests four layers of a tree on this machine: opens, examines, reads, examines again
// and closes every file, and hashes what it read. Nothing is walked in order, named, checked or cut: a bound, no peer.
//
// Each core has two layers in hand: it reads a piece of both and hashes them side by side. The layers begin at different
// files, as different layers do; otherwise one would read what another has just brought near.

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Linked with the library that is measured, whose hash of two streams it takes.
#include "../../../Sources/CSHA256/include/CSHA256.h"
#include "LeastWork.h"

enum { LAYERS = 4, PIECE = 512 << 10 };

static char **files;
static size_t file_count, file_room;

typedef struct {
  size_t first, taken; // files
  int file;            // -1 between files
  off_t offset, size;
  flywheel_sha256 hash;
  uint8_t *piece;
} layer;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void list(const char *directory) {
  DIR *open = opendir(directory);
  if (!open) fail(directory);
  for (struct dirent *entry; (entry = readdir(open));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    char *path;
    if (asprintf(&path, "%s/%s", directory, entry->d_name) < 0) fail(directory);
    if (entry->d_type == DT_DIR) list(path);
    if (entry->d_type != DT_REG) {
      free(path);
      continue;
    }
    if (file_count == file_room) {
      file_room = 2 * file_room + 1024;
      files = realloc(files, file_room * sizeof *files);
      if (!files) fail("memory");
    }
    files[file_count++] = path;
  }
  closedir(open);
}

// Reads the next piece; returns its length, 0 at the end.
static size_t next_piece(layer *it) {
  size_t count = 0;
  struct stat status;
  while (count < PIECE) {
    if (it->file < 0) {
      if (it->taken == file_count) break;
      const char *path = files[(it->first + it->taken++) % file_count];
      it->file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
      if (it->file < 0 || fstat(it->file, &status)) fail(path);
      it->offset = 0;
      it->size = status.st_size;
    }
    while (count < PIECE && it->offset < it->size) {
      size_t wanted = (size_t)(it->size - it->offset);
      if (wanted > PIECE - count) wanted = PIECE - count;
      ssize_t got = pread(it->file, it->piece + count, wanted, it->offset);
      if (got <= 0) fail("read");
      it->offset += got;
      count += (size_t)got;
    }
    if (it->offset == it->size) {
      if (fstat(it->file, &status) || close(it->file)) fail("close");
      it->file = -1;
    }
  }
  return count;
}

static void *digest_two(void *argument) {
  layer *one = argument, *other = one + 1;
  for (;;) {
    size_t count = next_piece(one), other_count = next_piece(other);
    if (!count && !other_count) return NULL;
    flywheel_sha256_update_both(&one->hash, one->piece, count, &other->hash, other->piece, other_count);
  }
}

void flywheel_least_work_of_four_layers(const char *directory) {
  list(directory);
  layer layers[LAYERS];
  pthread_t threads[LAYERS / 2];
  for (int i = 0; i < LAYERS; i++) {
    layers[i] = (layer){.first = i * file_count / LAYERS, .file = -1, .piece = aligned_alloc(4096, PIECE)};
    if (!layers[i].piece) fail("memory");
    flywheel_sha256_begin(&layers[i].hash);
  }
  for (int i = 0; i < LAYERS / 2; i++)
    if (pthread_create(&threads[i], NULL, digest_two, &layers[2 * i])) fail("thread");
  for (int i = 0; i < LAYERS / 2; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < LAYERS; i++) {
    uint8_t digest[32];
    flywheel_sha256_end(&layers[i].hash, digest);
    for (int j = 0; j < 32; j++) printf("%02x", digest[j]);
    printf("\n");
  }
}
