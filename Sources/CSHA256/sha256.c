// libcrypto's own SHA-256 does the work of one stream: its low-level interface is deprecated, but the only one that lets the
// state in and out, and it runs the same code as EVP.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "CSHA256.h"

#include <openssl/sha.h>
#include <string.h>

static void load(SHA256_CTX *context, const flywheel_sha256 *hash) {
  SHA256_Init(context);
  memcpy(context->h, hash->h, sizeof hash->h);
  context->Nl = (uint32_t)(hash->count << 3);
  context->Nh = (uint32_t)(hash->count >> 29);
  context->num = (unsigned)(hash->count % 64);
  memcpy(context->data, hash->pending, sizeof hash->pending);
}

void flywheel_sha256_begin(flywheel_sha256 *hash) {
  SHA256_CTX context;
  SHA256_Init(&context);
  memset(hash, 0, sizeof *hash);
  memcpy(hash->h, context.h, sizeof hash->h);
}

void flywheel_sha256_update(flywheel_sha256 *hash, const uint8_t *bytes, size_t count) {
  SHA256_CTX context;
  load(&context, hash);
  SHA256_Update(&context, bytes, count);
  memcpy(hash->h, context.h, sizeof hash->h);
  memcpy(hash->pending, context.data, sizeof hash->pending);
  hash->count += count;
}

void flywheel_sha256_end(const flywheel_sha256 *hash, uint8_t digest[32]) {
  SHA256_CTX context;
  load(&context, hash);
  SHA256_Final(digest, &context);
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

static int detect_lanes(void) {
  unsigned a, b, c, d;
  // SSSE3 and SSE4.1 for the shuffles around the SHA instructions.
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 9)) || !(c & (1u << 19))) return 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29));
}

int flywheel_sha256_has_lanes(void) {
  // Asked once: in a virtual machine the question goes to the hypervisor, and takes longer than some of what is hashed.
  static _Atomic int known; // The answer plus one.
  if (!known) known = detect_lanes() + 1;
  return known - 1;
}

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// Four rounds of a stream; `w0` holds their message words, and then those of sixteen rounds later, unless these are the last.
#define ROUNDS(i, abef, cdgh, w0, w1, w2, w3)                                                              \
  do {                                                                                                     \
    __m128i sum = _mm_add_epi32(w0, _mm_loadu_si128((const __m128i *)(constants + 4 * (i))));              \
    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);                                                         \
    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));                                \
    if ((i) < 12)                                                                                          \
      w0 = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4)), w3); \
  } while (0)

// The streams take turns, so that each hides the other's latency.
#define BOTH(i, n0, n1, n2, n3)                                    \
  do {                                                             \
    ROUNDS(i, abef0, cdgh0, x##n0, x##n1, x##n2, x##n3);           \
    ROUNDS(i, abef1, cdgh1, y##n0, y##n1, y##n2, y##n3);           \
  } while (0)

#define WORDS(bytes, n) _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(bytes) + (n)), swap)

__attribute__((target("sha,sse4.1,ssse3"))) static void compress_both(
    uint32_t first[8], const uint8_t *first_bytes, uint32_t second[8], const uint8_t *second_bytes, size_t blocks) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bULL, 0x0405060700010203ULL);
  // The instructions want the eight words as ABEF and CDGH.
#define ENTER(h, abef, cdgh)                                                          \
  do {                                                                                \
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(h)), 0xB1);     \
    __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(h) + 1), 0x1B); \
    abef = _mm_alignr_epi8(low, high, 8);                                             \
    cdgh = _mm_blend_epi16(high, low, 0xF0);                                          \
  } while (0)
#define LEAVE(h, abef, cdgh)                                                          \
  do {                                                                                \
    __m128i low = _mm_shuffle_epi32(abef, 0x1B);                                      \
    __m128i high = _mm_shuffle_epi32(cdgh, 0xB1);                                     \
    _mm_storeu_si128((__m128i *)(h), _mm_blend_epi16(low, high, 0xF0));               \
    _mm_storeu_si128((__m128i *)(h) + 1, _mm_alignr_epi8(high, low, 8));              \
  } while (0)
  __m128i abef0, cdgh0, abef1, cdgh1;
  ENTER(first, abef0, cdgh0);
  ENTER(second, abef1, cdgh1);
  for (; blocks > 0; blocks--, first_bytes += 64, second_bytes += 64) {
    const __m128i old_abef0 = abef0, old_cdgh0 = cdgh0, old_abef1 = abef1, old_cdgh1 = cdgh1;
    __m128i x0 = WORDS(first_bytes, 0), x1 = WORDS(first_bytes, 1), x2 = WORDS(first_bytes, 2), x3 = WORDS(first_bytes, 3);
    __m128i y0 = WORDS(second_bytes, 0), y1 = WORDS(second_bytes, 1), y2 = WORDS(second_bytes, 2), y3 = WORDS(second_bytes, 3);
    BOTH(0, 0, 1, 2, 3);
    BOTH(1, 1, 2, 3, 0);
    BOTH(2, 2, 3, 0, 1);
    BOTH(3, 3, 0, 1, 2);
    BOTH(4, 0, 1, 2, 3);
    BOTH(5, 1, 2, 3, 0);
    BOTH(6, 2, 3, 0, 1);
    BOTH(7, 3, 0, 1, 2);
    BOTH(8, 0, 1, 2, 3);
    BOTH(9, 1, 2, 3, 0);
    BOTH(10, 2, 3, 0, 1);
    BOTH(11, 3, 0, 1, 2);
    BOTH(12, 0, 1, 2, 3);
    BOTH(13, 1, 2, 3, 0);
    BOTH(14, 2, 3, 0, 1);
    BOTH(15, 3, 0, 1, 2);
    abef0 = _mm_add_epi32(abef0, old_abef0);
    cdgh0 = _mm_add_epi32(cdgh0, old_cdgh0);
    abef1 = _mm_add_epi32(abef1, old_abef1);
    cdgh1 = _mm_add_epi32(cdgh1, old_cdgh1);
  }
  LEAVE(first, abef0, cdgh0);
  LEAVE(second, abef1, cdgh1);
}

#else

int flywheel_sha256_has_lanes(void) { return 0; }

static void compress_both(uint32_t first[8], const uint8_t *first_bytes, uint32_t second[8], const uint8_t *second_bytes,
                          size_t blocks) {
  (void)first, (void)first_bytes, (void)second, (void)second_bytes, (void)blocks;
}

#endif

// Brings a stream to the end of a block; gives how many bytes that took.
static size_t align(flywheel_sha256 *hash, const uint8_t *bytes, size_t count) {
  size_t missing = (64 - hash->count % 64) % 64;
  if (missing > count) missing = count;
  flywheel_sha256_update(hash, bytes, missing);
  return missing;
}

void flywheel_sha256_update_both(flywheel_sha256 *first, const uint8_t *first_bytes, size_t first_count,
                                 flywheel_sha256 *second, const uint8_t *second_bytes, size_t second_count) {
  if (flywheel_sha256_has_lanes()) {
    size_t skipped = align(first, first_bytes, first_count);
    first_bytes += skipped, first_count -= skipped;
    skipped = align(second, second_bytes, second_count);
    second_bytes += skipped, second_count -= skipped;
    size_t blocks = (first_count < second_count ? first_count : second_count) / 64;
    if (blocks > 0) {
      // Both are at the end of a block: `align` stops short only when it has used up a stream's bytes.
      compress_both(first->h, first_bytes, second->h, second_bytes, blocks);
      first->count += 64 * blocks, second->count += 64 * blocks;
      first_bytes += 64 * blocks, first_count -= 64 * blocks;
      second_bytes += 64 * blocks, second_count -= 64 * blocks;
    }
  }
  flywheel_sha256_update(first, first_bytes, first_count);
  flywheel_sha256_update(second, second_bytes, second_count);
}
