// The products of rows that fitting to calibration inputs spends its time on (src/convert/fitting/row-products.ts): a module
// of its own, because it has nothing to do with ternary layers.
#include <wasm_simd128.h>

namespace {

// Two rows by four: eight sums and six values stay in registers.
constexpr int kRows = 2;
constexpr int kOthers = 4;

void multiply_tile(const double* a, const double* b, unsigned stride, unsigned columns, double* out,
                   unsigned out_stride) {
  v128_t sums[kRows][kOthers];
  for (auto& row : sums) {
    for (v128_t& sum : row) sum = wasm_f64x2_splat(0);
  }
  for (unsigned k = 0; k < columns; k += 2) {
    v128_t x[kRows];
    for (int i = 0; i < kRows; i++) x[i] = wasm_v128_load(a + i * stride + k);
    for (int j = 0; j < kOthers; j++) {
      const v128_t y = wasm_v128_load(b + j * stride + k);
      for (int i = 0; i < kRows; i++) sums[i][j] = wasm_f64x2_add(sums[i][j], wasm_f64x2_mul(x[i], y));
    }
  }
  for (int i = 0; i < kRows; i++) {
    for (int j = 0; j < kOthers; j++) {
      const v128_t sum = sums[i][j];
      out[i * out_stride + j] = wasm_f64x2_extract_lane(sum, 0) + wasm_f64x2_extract_lane(sum, 1);
    }
  }
}

}  // namespace

// out[i][j] = sum over k of a[i][k] * b[j][k], for `rows` rows of a (a multiple of 2), `others` of b (a multiple of 4) and
// `columns` columns (a multiple of 2); rows begin `stride` values apart, those of out `others`.
extern "C" __attribute__((export_name("multiplyRows"))) void multiply_rows(const double* a, unsigned rows,
                                                                          const double* b, unsigned others,
                                                                          unsigned stride, unsigned columns,
                                                                          double* out) {
  for (unsigned i = 0; i < rows; i += kRows) {
    for (unsigned j = 0; j < others; j += kOthers) {
      multiply_tile(a + i * stride, b + j * stride, stride, columns, out + i * others + j, others);
    }
  }
}
