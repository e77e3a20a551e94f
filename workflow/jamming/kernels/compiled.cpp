// One training step on the quadratic hinge loss for a fully-connected network: gradient, then Adam.
//
// Patterns are taken in blocks of eight vectors, features outermost, so that a block stays in the first caches from
// layer to layer. The unsatisfied patterns of successive blocks are gathered into full blocks; only those see the
// backward pass. A sum over patterns runs in one lane per pattern; the lanes are added up once, when all blocks are done.
//
// The order of all operations is fixed by this text, however wide the processor's registers are: where a product and a
// sum are to be rounded once the text says fma, and the compiler fuses nothing else (-ffp-contract=off). So the same
// run gives the same bits on all processors. tests/test_compiled.py compares every piece with the step in torch.

typedef long long Int;

// The same fields in the same order as `Problem` in compiled.py
struct Problem {
    Int dim, width, depth, tanh, n_patterns, n_params;
    double margin;
    const void *inputs, *labels;                                // (blocks, dim, BLOCK) and (blocks, BLOCK)
    void *params, *gradient, *first_moment, *second_moment;     // (n_params)
    void *outputs, *delta;                                      // (blocks, BLOCK)
    void *workspace;                                            // as many bytes as `workspace_size` says
};

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

// What differs between the precisions in tanh: n with 1/n! the last term of a series, the shift that rounds to an
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

// tanh|x| = t/(t + 2) with t = exp(2|x|) - 1. With 2|x| = k ln 2 + r and |r| <= (ln 2)/2, t = 2^k (e^r - 1) + 2^k - 1;
// the Taylor series of e^r - 1 ends where its terms drop below rounding.
template <typename T>
INLINE typename T::Vector hyperbolic_tangent(typename T::Vector x) {
    typedef typename T::Vector Vector;
    typedef typename T::Bits Bits;
    typedef typename T::Real Real;
    const Bits sign = (Bits)x & (Bits)-Vector{};
    const Vector largest = Vector{} + Real(40), shift = Vector{} + T::SHIFT;
    Vector y = (Vector)((Bits)x ^ sign) * 2;
    y = y > largest ? largest : y;  // where tanh is 1 to rounding; NaN stays NaN
    Vector shifted = fma(y, Vector{} + Real(0x1.71547652b82fep0), shift), k = shifted - shift;
    Vector r = fma(k, Vector{} - T::LN_2_LOW, fma(k, Vector{} - T::LN_2_HIGH, y));
    Vector series = Vector{} + Real(INVERSE_FACTORIAL[T::LAST_TERM]);
    UNROLL for (int n = T::LAST_TERM - 1; n >= 2; n--) series = fma(series, r, Vector{} + Real(INVERSE_FACTORIAL[n]));
    Vector power = (Vector)(((Bits)shifted + T::EXPONENT_BIAS) << T::EXPLICIT_BITS);
    Vector t = fma(power, fma(series * r, r, r), power - 1);
    return (Vector)((Bits)(t / (t + 2)) | sign);
}

template <typename T>
struct Step {
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

    // out = matrix · in + bias, then ρ, or times ρ' given ρ; `matrix` (n_out, n_in), `in` (n_in, BLOCK) and so on
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
            // With few rows the processor waits for its sums: 8 are 4 + 4, not 6 + 2.
            while (n_out - o >= ROWS && n_out - o != 8) rows(Rows<ROWS>{});
            while (n_out - o >= 4) rows(Rows<4>{});
            while (n_out - o >= 2) rows(Rows<2>{});
            while (n_out - o >= 1) rows(Rows<1>{});
        }
    }

    // R × C entries of `add_products`
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

    // The gradient of one layer: lanes[o][i] += Σ above[o] below[i] and, after the weights, lanes[o] += Σ above[o]
    static void add_gradient(const Real *above, Int n_out, const Real *below, Int n_in, Vector *lanes) {
        Int o = 0;
        for (; o + GRADIENT_ROWS <= n_out; o += GRADIENT_ROWS)
            add_products_rows<GRADIENT_ROWS>(above + o * BLOCK, below, lanes + o * n_in, n_in);
        for (; o < n_out; o++) add_products_rows<1>(above + o * BLOCK, below, lanes + o * n_in, n_in);
        for (o = 0; o < n_out; o++)
            for (int v = 0; v < VECTORS; v++) lanes[n_out * n_in + o] += vector(above, o, v);
    }

    struct Layer {
        Int n_in, n_out, start;
    };
    INLINE Layer layer(const Problem &p, Int number) {
        if (number == 0) return {p.dim, p.width, 0};
        Int first = p.width * (p.dim + 1), middle = p.width * (p.width + 1);
        return {p.width, number == p.depth ? 1 : p.width, first + (number - 1) * middle};
    }

    struct Workspace {
        Real *active;          // activations of one block: (depth * width, BLOCK)
        Real *gathered;        // inputs and activations of unsatisfied patterns: (dim + depth * width, BLOCK)
        Real *labels, *delta;  // of the gathered
        Real *above, *below;   // ∂𝓛/∂a of one layer: (width, BLOCK)
        Real *transposed;      // the weights between hidden layers
        Vector *lanes;         // the gradient, one sum per lane: (n_params, LANES)
        Int bytes;

        Workspace(const Problem &p) {
            char *at = (char *)p.workspace;
            auto take = [&](Int count) {
                char *here = at;
                at += (count * Int(sizeof(Real)) + VECTOR_BYTES - 1) / VECTOR_BYTES * VECTOR_BYTES;
                return (Real *)here;
            };
            active = take(p.depth * p.width * BLOCK);
            gathered = take((p.dim + p.depth * p.width) * BLOCK);
            labels = take(BLOCK);
            delta = take(BLOCK);
            above = take(p.width * BLOCK);
            below = take(p.width * BLOCK);
            transposed = take((p.depth - 1) * p.width * p.width);
            lanes = (Vector *)take(p.n_params * LANES);
            bytes = at - (char *)p.workspace;
        }
    };

    static void transpose_weights(const Problem &p, Workspace &w) {
        for (Int number = 1; number < p.depth; number++) {
            const Real *weights = (const Real *)p.params + layer(p, number).start;
            Real *transposed = w.transposed + (number - 1) * p.width * p.width;
            for (Int o = 0; o < p.width; o++)
                for (Int i = 0; i < p.width; i++) transposed[i * p.width + o] = weights[o * p.width + i];
        }
    }

    // Activations, outputs and Δ of the block that begins with pattern `start`
    static void forward(const Problem &p, Workspace &w, Int start) {
        const Real *in = (const Real *)p.inputs + start * p.dim;
        for (Int number = 0; number < p.depth; number++) {
            Layer at = layer(p, number);
            const Real *weights = (const Real *)p.params + at.start, *biases = weights + at.n_in * at.n_out;
            Real *out = w.active + number * p.width * BLOCK;
            if (p.tanh)
                multiply<TANH>(weights, biases, in, at.n_in, out, at.n_out);
            else
                multiply<RELU>(weights, biases, in, at.n_in, out, at.n_out);
            in = out;
        }
        const Real *weights = (const Real *)p.params + layer(p, p.depth).start;
        const Real *labels = (const Real *)p.labels + start;
        Real *outputs = (Real *)p.outputs + start, *delta = (Real *)p.delta + start;
        multiply<NOTHING>(weights, weights + p.width, in, p.width, outputs, 1);
        for (int v = 0; v < VECTORS; v++)
            vector(delta, 0, v) = fma(-vector(labels, 0, v), vector((const Real *)outputs, 0, v), all(Real(p.margin)));
    }

    static void outputs(const Problem &p) {
        Workspace w(p);
        for (Int start = 0; start < p.n_patterns; start += BLOCK) forward(p, w, start);
    }

    // Adds to `lanes` what the first `count` gathered patterns contribute
    static void backward(const Problem &p, Workspace &w, Int count) {
        // ∂𝓛/∂f = -y max(0, Δ)/P; what lies behind the last pattern is of an earlier block and must not count.
        for (Int k = 0; k < BLOCK; k++)
            w.above[k] = k < count ? -w.labels[k] * w.delta[k] / Real(p.n_patterns) : Real(0);
        for (Int number = p.depth;; number--) {
            Layer at = layer(p, number);
            const Real *active = w.gathered + (number ? p.dim + (number - 1) * p.width : 0) * BLOCK;
            add_gradient(w.above, at.n_out, active, at.n_in, w.lanes + at.start);
            if (number == 0) return;
            const Real *matrix = number == p.depth ? (const Real *)p.params + at.start
                                                   : w.transposed + (number - 1) * p.width * p.width;
            if (p.tanh)
                multiply<TANH_SLOPE>(matrix, nullptr, w.above, at.n_out, w.below, at.n_in, active);
            else
                multiply<RELU_SLOPE>(matrix, nullptr, w.above, at.n_out, w.below, at.n_in, active);
            Real *above = w.above;
            w.above = w.below;
            w.below = above;
        }
    }

    // Copies patterns `from` of a block behind the `filled` gathered ones
    static void gather(const Problem &p, Workspace &w, Int start, const int *from, Int count, Int filled) {
        const Real *inputs = (const Real *)p.inputs + start * p.dim;
        auto copy = [&](const Real *source, Real *target) {
            for (Int k = 0; k < count; k++) target[filled + k] = source[from[k]];
        };
        for (Int i = 0; i < p.dim; i++) copy(inputs + i * BLOCK, w.gathered + i * BLOCK);
        for (Int i = 0; i < p.depth * p.width; i++) copy(w.active + i * BLOCK, w.gathered + (p.dim + i) * BLOCK);
        copy((const Real *)p.labels + start, w.labels);
        copy((const Real *)p.delta + start, w.delta);
    }

    static void add_lanes(const Problem &p, const Workspace &w) {
        Real *gradient = (Real *)p.gradient;
        for (Int k = 0; k < p.n_params; k++) {
            Vector sums = w.lanes[k];
            for (Int half = LANES / 2; half; half /= 2)
                for (Int l = 0; l < half; l++) sums[l] += sums[l + half];
            gradient[k] = sums[0];
        }
    }

    // Fills outputs, delta and gradient; returns N_Δ
    static Int gradient(const Problem &p) {
        Workspace w(p);
        transpose_weights(p, w);
        for (Int k = 0; k < p.n_params; k++) w.lanes[k] = Vector{};
        Int n_delta = 0, filled = 0;
        for (Int start = 0; start < p.n_patterns; start += BLOCK) {
            forward(p, w, start);
            const Real *delta = (const Real *)p.delta + start;
            int unsatisfied[BLOCK + 1];
            Int found = 0, size = p.n_patterns - start < BLOCK ? p.n_patterns - start : BLOCK;
            for (Int k = 0; k < size; k++) {
                unsatisfied[found] = int(k);
                found += delta[k] > 0;
            }
            n_delta += found;
            for (Int done = 0; done < found;) {
                Int count = found - done < BLOCK - filled ? found - done : BLOCK - filled;
                gather(p, w, start, unsatisfied + done, count, filled);
                done += count;
                filled += count;
                if (filled == BLOCK) {
                    backward(p, w, filled);
                    filled = 0;
                }
            }
        }
        if (filled) backward(p, w, filled);
        add_lanes(p, w);
        return n_delta;
    }

    // Adam (Kingma and Ba 2015) with `rate` already divided by 1 - beta_1^t and `root` = sqrt(1 - beta_2^t)
    static void update(const Problem &p, double beta_1, double beta_2, Real rate, Real root, Real epsilon) {
        const Real forget_1 = Real(1 - beta_1), forget_2 = Real(1 - beta_2), keep_2 = Real(beta_2);
        Real *params = (Real *)p.params, *first = (Real *)p.first_moment, *second = (Real *)p.second_moment;
        const Real *gradient = (const Real *)p.gradient;
        for (Int k = 0; k < p.n_params; k++) {
            first[k] = __builtin_elementwise_fma(forget_1, gradient[k] - first[k], first[k]);
            second[k] = __builtin_elementwise_fma(forget_2 * gradient[k], gradient[k], keep_2 * second[k]);
            params[k] -= rate * first[k] / (__builtin_elementwise_sqrt(second[k]) / root + epsilon);
        }
    }
};

#define EXPORT extern "C" __attribute__((visibility("default")))
#define EXPORTS(REAL, T)                                                                                         \
    EXPORT Int workspace_size_##REAL(const Problem *p) { return Step<T>::Workspace(*p).bytes; }                  \
    EXPORT void outputs_##REAL(const Problem *p) { Step<T>::outputs(*p); }                                       \
    EXPORT Int gradient_##REAL(const Problem *p) { return Step<T>::gradient(*p); }                               \
    EXPORT void update_##REAL(const Problem *p, double beta_1, double beta_2, double rate, double root, double e) { \
        Step<T>::update(*p, beta_1, beta_2, REAL(rate), REAL(root), REAL(e));                        \
    }

EXPORTS(double, Double)
EXPORTS(float, Float)
