// Trits to two-bit codes and back, four a byte, as most files hold them (src/formats/trit-codes.ts): a module of its own,
// because it has nothing to do with running layers. Codes are trit + 1; code 3 stands for none.
#include <wasm_simd128.h>

namespace {

typedef unsigned char Byte;

#define EXPORT(name) extern "C" __attribute__((export_name(#name)))

// Adds to `stray` what is no trit.
v128_t codes_of(const Byte* trits, v128_t& stray) {
  const v128_t codes = wasm_i8x16_add(wasm_v128_load(trits), wasm_i8x16_splat(1));
  stray = wasm_v128_or(stray, wasm_u8x16_gt(codes, wasm_i8x16_splat(2)));
  return codes;
}

void store_trits(Byte* trits, v128_t codes) {
  wasm_v128_store(trits, wasm_i8x16_sub(codes, wasm_i8x16_splat(1)));
}

// Adds to `stray` where a byte holds a code 3.
v128_t load_bytes(const Byte* bytes, v128_t& stray) {
  const v128_t loaded = wasm_v128_load(bytes);
  const v128_t both = wasm_v128_and(loaded, wasm_u8x16_shr(loaded, 1));
  stray = wasm_v128_or(stray, wasm_v128_and(both, wasm_i8x16_splat(0x55)));
  return loaded;
}

// The codes of four neighbours in the low byte of each word.
v128_t join_fours(v128_t codes) {
  const v128_t pairs = wasm_v128_and(wasm_v128_or(codes, wasm_u16x8_shr(codes, 6)), wasm_i16x8_splat(0x0f));
  return wasm_v128_and(wasm_v128_or(pairs, wasm_u32x4_shr(pairs, 12)), wasm_i32x4_splat(0xff));
}

v128_t part_fours(v128_t bytes) {
  const v128_t pairs = wasm_v128_and(wasm_v128_or(bytes, wasm_i32x4_shl(bytes, 12)), wasm_i16x8_splat(0x0f));
  return wasm_v128_and(wasm_v128_or(pairs, wasm_i16x8_shl(pairs, 6)), wasm_i8x16_splat(0x03));
}

// Blocks of four stripes, whose codes are two bits apart in a byte; `order` has the stripe of the lowest bits in its low byte.
struct Stripes {
  unsigned offsets[4];
  unsigned length, together, gap;

  Stripes(unsigned order, unsigned length, unsigned together, unsigned gap) : length(length), together(together), gap(gap) {
    for (int i = 0; i < 4; i++) offsets[i] = (order >> (8 * i) & 0xff) * length;
  }

  // Bytes from a block to the next one; `block` counts from 1.
  unsigned step(unsigned block) const { return length + (block % together == 0 ? gap : 0); }
};

} // namespace

// Neighbours share a byte, the first in the low bits; `count` bytes, a multiple of 16. Returns whether all were trits.
EXPORT(packFours) bool pack_fours(const Byte* trits, Byte* bytes, unsigned count) {
  v128_t stray = wasm_i8x16_splat(0);
  for (unsigned i = 0; i < count; i += 16, trits += 64) {
    v128_t words[4];
    for (int j = 0; j < 4; j++) words[j] = join_fours(codes_of(trits + 16 * j, stray));
    const v128_t first = wasm_u16x8_narrow_i32x4(words[0], words[1]);
    const v128_t second = wasm_u16x8_narrow_i32x4(words[2], words[3]);
    wasm_v128_store(bytes + i, wasm_u8x16_narrow_i16x8(first, second));
  }
  return !wasm_v128_any_true(stray);
}

// Returns whether no byte held a code 3.
EXPORT(unpackFours) bool unpack_fours(const Byte* bytes, Byte* trits, unsigned count) {
  v128_t stray = wasm_i8x16_splat(0);
  for (unsigned i = 0; i < count; i += 16, trits += 64) {
    const v128_t loaded = load_bytes(bytes + i, stray);
    const v128_t low = wasm_u16x8_extend_low_u8x16(loaded);
    const v128_t high = wasm_u16x8_extend_high_u8x16(loaded);
    store_trits(trits, part_fours(wasm_u32x4_extend_low_u16x8(low)));
    store_trits(trits + 16, part_fours(wasm_u32x4_extend_high_u16x8(low)));
    store_trits(trits + 32, part_fours(wasm_u32x4_extend_low_u16x8(high)));
    store_trits(trits + 48, part_fours(wasm_u32x4_extend_high_u16x8(high)));
  }
  return !wasm_v128_any_true(stray);
}

// Stripes of `length` trits, a multiple of 16; `gap` bytes are left out after every `together` blocks.
EXPORT(packStripes)
bool pack_stripes(const Byte* trits, Byte* bytes, unsigned blocks, unsigned order, unsigned length, unsigned together,
                  unsigned gap) {
  const Stripes stripes(order, length, together, gap);
  v128_t stray = wasm_i8x16_splat(0);
  for (unsigned block = 1; block <= blocks; trits += 4 * length, bytes += stripes.step(block++)) {
    for (unsigned p = 0; p < length; p += 16) {
      v128_t packed = codes_of(trits + stripes.offsets[0] + p, stray);
      for (int i = 1; i < 4; i++) {
        const v128_t codes = codes_of(trits + stripes.offsets[i] + p, stray);
        packed = wasm_v128_or(packed, wasm_i8x16_shl(codes, static_cast<unsigned>(2 * i)));
      }
      wasm_v128_store(bytes + p, packed);
    }
  }
  return !wasm_v128_any_true(stray);
}

EXPORT(unpackStripes)
bool unpack_stripes(const Byte* bytes, Byte* trits, unsigned blocks, unsigned order, unsigned length, unsigned together,
                    unsigned gap) {
  const Stripes stripes(order, length, together, gap);
  v128_t stray = wasm_i8x16_splat(0);
  for (unsigned block = 1; block <= blocks; trits += 4 * length, bytes += stripes.step(block++)) {
    for (unsigned p = 0; p < length; p += 16) {
      const v128_t loaded = load_bytes(bytes + p, stray);
      for (int i = 0; i < 4; i++) {
        const v128_t codes = wasm_u8x16_shr(loaded, static_cast<unsigned>(2 * i));
        store_trits(trits + stripes.offsets[i] + p, wasm_v128_and(codes, wasm_i8x16_splat(0x03)));
      }
    }
  }
  return !wasm_v128_any_true(stray);
}
