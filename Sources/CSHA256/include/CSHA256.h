#ifndef FLYWHEEL_CSHA256_H
#define FLYWHEEL_CSHA256_H

#include <stddef.h>
#include <stdint.h>

// SHA-256 (FIPS 180-4) as a plain value that can be copied and stored half way, which EVP does not offer, and two streams
// hashed at once on one core where the processor has SHA instructions.

// A running hash: the chaining value, how many bytes went in, and those of them that do not fill a block yet.
typedef struct {
  uint32_t h[8];
  uint64_t count;
  uint8_t pending[64];
} flywheel_sha256;

void flywheel_sha256_begin(flywheel_sha256 *hash);
void flywheel_sha256_update(flywheel_sha256 *hash, const uint8_t *bytes, size_t count);
void flywheel_sha256_end(const flywheel_sha256 *hash, uint8_t digest[32]);

// Whether this processor hashes two streams faster together than one after the other.
int flywheel_sha256_has_lanes(void);

// The same as two updates.
void flywheel_sha256_update_both(flywheel_sha256 *first, const uint8_t *first_bytes, size_t first_count,
                                 flywheel_sha256 *second, const uint8_t *second_bytes, size_t second_count);

#endif
