// Matrix products with blocks of patterns.
//
// A block is (rows, BLOCK): a row is eight vectors and holds one feature of 64 patterns (128 in single precision). A sum
// over patterns keeps one partial sum per lane of a vector; the lanes are added once, at the end.
//
// This source fixes the order of all operations for every width of the processor's registers. Where a product and a sum
// are rounded once, the source says fma; the compiler fuses nothing else (-ffp-contract=off). So the same run gives the
// same bits on all processors.

#pragma once

typedef long long Int;

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

constexpr int VECTORS = 8;  // in a row of a block
constexpr int VECTOR_BYTES = 64;

// How many sums are kept in registers at a time
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int ROWS = 6, COLUMNS = 4, GRADIENT_ROWS = 4, GRADIENT_COLUMNS = 5;
#else  // 16 registers, of half a vector each
constexpr int ROWS = 6, COLUMNS = 1, GRADIENT_ROWS = 3, GRADIENT_COLUMNS = 2;
#endif

typedef double Doubles __attribute__((vector_size(VECTOR_BYTES)));
typedef float Floats __attribute__((vector_size(VECTOR_BYTES)));

template <typename Vector>
INLINE Vector fma(Vector a, Vector b, Vector c) {
    return __builtin_elementwise_fma(a, b, c);
}

// Constants of tanh in each precision: the order n of the last term 1/n! of a series, the shift that rounds to an
// integer (1.5 times 2 to the number of explicit bits), ln 2 in two parts, the bias of the exponent.
struct Double {
    typedef double Real;
    typedef Doubles Vector;
    typedef long long Bits __attribute__((vector_size(VECTOR_BYTES)));
    static constexpr int LAST_TERM = 14, EXPLICIT_BITS = 52, EXPONENT_BIAS = 1023;
    static constexpr double SHIFT = 0x1.8p52, LN_2_HIGH = 0x1.62e42fefa39efp-1, LN_2_LOW = 0x1.abc9e3b39803fp-56;
};
struct Float {
    typedef float Real;
    typedef Floats Vector;
    typedef int Bits __attribute__((vector_size(VECTOR_BYTES)));
    static constexpr int LAST_TERM = 8, EXPLICIT_BITS = 23, EXPONENT_BIAS = 127;
    static constexpr float SHIFT = 0x1.8p23f, LN_2_HIGH = 0x1.62e430p-1f, LN_2_LOW = -0x1.05c610p-29f;
};

struct InverseFactorials {
    double values[15] = {1};
    constexpr InverseFactorials() {
        double factorial = 1;
        for (int n = 1; n < 15; n++) values[n] = 1 / (factorial *= n);
    }
    constexpr double operator[](int n) const { return values[n]; }
};
constexpr InverseFactorials INVERSE_FACTORIAL;

// exp(y) - 1 for y >= 0. With y = k ln 2 + r and |r| <= (ln 2)/2 it is 2^k (e^r - 1) + 2^k - 1. The Taylor series of
// e^r - 1 ends where its terms drop below rounding. For y > 80 the value at 80 is taken: in tanh and in the logistic
// function the difference is below rounding.
template <typename T>
INLINE typename T::Vector exponential_minus_1(typename T::Vector y) {
    typedef typename T::Vector Vector;
    typedef typename T::Bits Bits;
    typedef typename T::Real Real;
    const Vector largest = Vector{} + Real(80), shift = Vector{} + T::SHIFT;
    y = y > largest ? largest : y;  // NaN stays NaN
    Vector shifted = fma(y, Vector{} + Real(0x1.71547652b82fep0), shift), k = shifted - shift;
    Vector r = fma(k, Vector{} - T::LN_2_LOW, fma(k, Vector{} - T::LN_2_HIGH, y));
    Vector series = Vector{} + Real(INVERSE_FACTORIAL[T::LAST_TERM]);
    UNROLL for (int n = T::LAST_TERM - 1; n >= 2; n--) series = fma(series, r, Vector{} + Real(INVERSE_FACTORIAL[n]));
    Vector power = (Vector)(((Bits)shifted + T::EXPONENT_BIAS) << T::EXPLICIT_BITS);
    return fma(power, fma(series * r, r, r), power - 1);
}

// tanh|x| = t/(t + 2) with t = exp(2|x|) - 1
template <typename T>
INLINE typename T::Vector hyperbolic_tangent(typename T::Vector x) {
    typedef typename T::Vector Vector;
    typedef typename T::Bits Bits;
    const Bits sign = (Bits)x & (Bits)-Vector{};
    Vector t = exponential_minus_1<T>((Vector)((Bits)x ^ sign) * 2);
    return (Vector)((Bits)(t / (t + 2)) | sign);
}

// 1 / (1 + e^{-x}) = (t + 1)/(t + 2) for x >= 0, else 1/(t + 2), with t = exp(|x|) - 1
template <typename T>
INLINE typename T::Vector logistic(typename T::Vector x) {
    typedef typename T::Vector Vector;
    typedef typename T::Bits Bits;
    Vector t = exponential_minus_1<T>((Vector)((Bits)x & ~(Bits)-Vector{}));
    return (x > 0 ? t + 1 : Vector{} + 1) / (t + 2);
}

template <typename T>
struct Blocks {
    typedef typename T::Real Real;
    typedef typename T::Vector Vector;
    static constexpr Int LANES = VECTOR_BYTES / sizeof(Real), BLOCK = VECTORS * LANES;

    enum Then { NOTHING, RELU, TANH, RELU_SLOPE, TANH_SLOPE };
    template <int R> struct Rows {};

    INLINE Vector all(Real x) { return Vector{} + x; }
    INLINE Vector &vector(Real *block, Int row, Int v) { return ((Vector *)(block + row * BLOCK))[v]; }
    INLINE Vector vector(const Real *block, Int row, Int v) { return ((const Vector *)(block + row * BLOCK))[v]; }

    // R rows and COLUMNS vectors of `multiply`
    template <Then then, int R>
    INLINE void multiply_tile(const Real *matrix, const Real *bias, const Real *in, Int n_in, Int column, Real *out,
                              const Real *active) {
        Vector sums[R][COLUMNS];
        UNROLL for (int r = 0; r < R; r++)
            UNROLL for (int c = 0; c < COLUMNS; c++) sums[r][c] = bias ? all(bias[r]) : Vector{};
        for (Int i = 0; i < n_in; i++) {
            UNROLL for (int r = 0; r < R; r++) {
                Vector weight = all(matrix[r * n_in + i]);
                UNROLL for (int c = 0; c < COLUMNS; c++) sums[r][c] = fma(weight, vector(in, i, column + c), sums[r][c]);
            }
        }
        UNROLL for (int r = 0; r < R; r++) UNROLL for (int c = 0; c < COLUMNS; c++) {
            Vector value = sums[r][c];
            if (then == RELU) value = value > 0 ? value : value * 0;  // NaN stays NaN
            if (then == TANH) value = hyperbolic_tangent<T>(value);
            if (then == RELU_SLOPE) value = vector(active, r, column + c) > 0 ? value : Vector{};
            if (then == TANH_SLOPE) {
                Vector z = vector(active, r, column + c);
                value = fma(-(z * z), value, value);
            }
            vector(out, r, column + c) = value;
        }
    }

    // out = matrix · in + bias, then ρ of it, or times ρ' (computed from `active` = ρ): `matrix` (n_out, n_in), `bias`
    // (n_out) or null, `in` (n_in, BLOCK), `out` and `active` (n_out, BLOCK)
    template <Then then>
    static void multiply(const Real *matrix, const Real *bias, const Real *in, Int n_in, Real *out, Int n_out,
                         const Real *active = nullptr) {
        for (int column = 0; column < VECTORS; column += COLUMNS) {
            Int o = 0;
            auto rows = [&]<int R>(Rows<R>) __attribute__((always_inline)) {
                multiply_tile<then, R>(matrix + o * n_in, bias ? bias + o : bias, in, n_in, column, out + o * BLOCK,
                                       active + o * BLOCK);
                o += R;
            };
            // With few rows at a time the processor waits for its sums. So 8 rows are taken as 4 + 4, not as 6 + 2.
            while (n_out - o >= ROWS && n_out - o != 8) rows(Rows<ROWS>{});
            while (n_out - o >= 4) rows(Rows<4>{});
            while (n_out - o >= 2) rows(Rows<2>{});
            while (n_out - o >= 1) rows(Rows<1>{});
        }
    }

    // R × C entries of `add_gradient`
    template <int R, int C>
    INLINE void add_products_tile(const Real *above, const Real *below, Vector *lanes, Int n_in) {
        Vector sums[R][C];
        UNROLL for (int r = 0; r < R; r++) UNROLL for (int c = 0; c < C; c++) sums[r][c] = lanes[r * n_in + c];
        for (int v = 0; v < VECTORS; v++) {
            UNROLL for (int r = 0; r < R; r++) {
                Vector factor = vector(above, r, v);
                UNROLL for (int c = 0; c < C; c++) sums[r][c] = fma(factor, vector(below, c, v), sums[r][c]);
            }
        }
        UNROLL for (int r = 0; r < R; r++) UNROLL for (int c = 0; c < C; c++) lanes[r * n_in + c] = sums[r][c];
    }

    template <int R>
    INLINE void add_products_rows(const Real *above, const Real *below, Vector *lanes, Int n_in) {
        Int i = 0;
        for (; i + GRADIENT_COLUMNS <= n_in; i += GRADIENT_COLUMNS)
            add_products_tile<R, GRADIENT_COLUMNS>(above, below + i * BLOCK, lanes + i, n_in);
        for (; i < n_in; i++) add_products_tile<R, 1>(above, below + i * BLOCK, lanes + i, n_in);
    }

    // The gradient of a layer's weights, with one sum per lane: lanes[o][i] += Σ above[o] below[i] over the patterns
    static void add_gradient(const Real *above, Int n_out, const Real *below, Int n_in, Vector *lanes) {
        Int o = 0;
        for (; o + GRADIENT_ROWS <= n_out; o += GRADIENT_ROWS)
            add_products_rows<GRADIENT_ROWS>(above + o * BLOCK, below, lanes + o * n_in, n_in);
        for (; o < n_out; o++) add_products_rows<1>(above + o * BLOCK, below, lanes + o * n_in, n_in);
    }

    INLINE Real add_lanes(Vector sums) {
        for (Int half = LANES / 2; half; half /= 2)
            for (Int l = 0; l < half; l++) sums[l] += sums[l + half];
        return sums[0];
    }

    // The part of a workspace that begins at `at`, aligned; moves `at` behind it
    INLINE Real *take(char *&at, Int count) {
        char *here = at;
        at += (count * Int(sizeof(Real)) + VECTOR_BYTES - 1) / VECTOR_BYTES * VECTOR_BYTES;
        return (Real *)here;
    }
};

#define EXPORT extern "C" __attribute__((visibility("default")))
