// One training step on the quadratic hinge loss for a fully-connected network: gradient, then Adam.
//
// A block of patterns stays in the first caches from layer to layer. The unsatisfied patterns of successive blocks are
// gathered into full blocks, and only these take part in the backward pass. tests/kernels/test_compiled.py compares
// every function with torch.

#include "blocks.h"
#ifdef __AVX512F__
#include <immintrin.h>
#endif

// The same fields in the same order as `Problem` in compiled.py
struct Problem {
    Int dim, width, depth, tanh, n_patterns, n_params;
    double margin, beta_1, beta_2, epsilon;
    double rate, root;                                          // of the next update: see `update`
    const void *inputs, *labels;                                // (blocks, dim, BLOCK) and (blocks, BLOCK)
    void *params, *gradient, *first_moment, *second_moment;     // (n_params)
    void *outputs, *delta;                                      // (blocks, BLOCK)
    void *workspace;                                            // as many bytes as `workspace_size` says
};

template <typename T>
struct Step : Blocks<T> {
    typedef typename T::Real Real;
    typedef typename T::Vector Vector;
    using Base = Blocks<T>;
    using Base::BLOCK, Base::LANES, Base::vector, Base::all, Base::take, Base::add_lanes, Base::add_gradient;
    using Base::NOTHING, Base::RELU, Base::TANH, Base::RELU_SLOPE, Base::TANH_SLOPE;

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
        Real *labels, *delta;  // of the gathered patterns: (BLOCK)
        Real *above, *below;   // ∂𝓛/∂a of one layer: (width, BLOCK)
        Real *transposed;      // the weights between hidden layers
        Vector *lanes;         // the gradient, one sum per lane: (n_params, LANES)
        Int bytes;

        Workspace(const Problem &p) {
            char *at = (char *)p.workspace;
            active = take(at, p.depth * p.width * BLOCK);
            gathered = take(at, (p.dim + p.depth * p.width) * BLOCK);
            labels = take(at, BLOCK);
            delta = take(at, BLOCK);
            above = take(at, p.width * BLOCK);
            below = take(at, p.width * BLOCK);
            transposed = take(at, (p.depth - 1) * p.width * p.width);
            lanes = (Vector *)take(at, p.n_params * LANES);
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
                Base::template multiply<TANH>(weights, biases, in, at.n_in, out, at.n_out);
            else
                Base::template multiply<RELU>(weights, biases, in, at.n_in, out, at.n_out);
            in = out;
        }
        const Real *weights = (const Real *)p.params + layer(p, p.depth).start;
        const Real *labels = (const Real *)p.labels + start;
        Real *outputs = (Real *)p.outputs + start, *delta = (Real *)p.delta + start;
        Base::template multiply<NOTHING>(weights, weights + p.width, in, p.width, outputs, 1);
        for (int v = 0; v < VECTORS; v++)
            vector(delta, 0, v) = fma(-vector(labels, 0, v), vector((const Real *)outputs, 0, v), all(Real(p.margin)));
    }

    static void outputs(const Problem &p) {
        Workspace w(p);
        for (Int start = 0; start < p.n_patterns; start += BLOCK) forward(p, w, start);
    }

    // Adds the contribution of the first `count` gathered patterns to `lanes`
    static void backward(const Problem &p, Workspace &w, Int count) {
        // ∂𝓛/∂f = -y max(0, Δ)/P. Values behind the last pattern are left from an earlier block and must not count.
        for (Int k = 0; k < BLOCK; k++)
            w.above[k] = k < count ? -w.labels[k] * w.delta[k] / Real(p.n_patterns) : Real(0);
        for (Int number = p.depth;; number--) {
            Layer at = layer(p, number);
            const Real *active = w.gathered + (number ? p.dim + (number - 1) * p.width : 0) * BLOCK;
            add_gradient(w.above, at.n_out, active, at.n_in, w.lanes + at.start);
            Vector *biases = w.lanes + at.start + at.n_out * at.n_in;
            for (Int o = 0; o < at.n_out; o++)
                for (int v = 0; v < VECTORS; v++) biases[o] += vector(w.above, o, v);
            if (number == 0) return;
            const Real *matrix = number == p.depth ? (const Real *)p.params + at.start
                                                   : w.transposed + (number - 1) * p.width * p.width;
            if (p.tanh)
                Base::template multiply<TANH_SLOPE>(matrix, nullptr, w.above, at.n_out, w.below, at.n_in, active);
            else
                Base::template multiply<RELU_SLOPE>(matrix, nullptr, w.above, at.n_out, w.below, at.n_in, active);
            Real *above = w.above;
            w.above = w.below;
            w.below = above;
        }
    }

#ifdef __AVX512F__
    INLINE Doubles front(Doubles x, unsigned mask) { return (Doubles)_mm512_maskz_compress_pd(mask, (__m512d)x); }
    INLINE Floats front(Floats x, unsigned mask) { return (Floats)_mm512_maskz_compress_ps(mask, (__m512)x); }
    INLINE void put(double *to, Doubles x, unsigned mask) { _mm512_mask_storeu_pd(to, mask, (__m512d)x); }
    INLINE void put(float *to, Floats x, unsigned mask) { _mm512_mask_storeu_ps(to, mask, (__m512)x); }
#endif

    // Copies the `count` patterns `from` of the block at `start` behind the `filled` ones gathered so far
    static void gather(const Problem &p, Workspace &w, Int start, const int *from, Int count, Int filled) {
        const Real *inputs = (const Real *)p.inputs + start * p.dim;
#ifdef __AVX512F__
        // AVX-512 has an instruction that moves the chosen lanes of a vector to its front.
        unsigned chosen[VECTORS] = {};
        for (Int k = 0; k < count; k++) chosen[from[k] / LANES] |= 1u << (from[k] % LANES);
        auto copy = [&](const Real *source, Real *target) {
            target += filled;
            UNROLL for (int v = 0; v < VECTORS; v++) {
                const int number = __builtin_popcount(chosen[v]);
                put(target, front(vector(source, 0, v), chosen[v]), (1u << number) - 1);
                target += number;
            }
        };
#else
        auto copy = [&](const Real *source, Real *target) {
            for (Int k = 0; k < count; k++) target[filled + k] = source[from[k]];
        };
#endif
        for (Int i = 0; i < p.dim; i++) copy(inputs + i * BLOCK, w.gathered + i * BLOCK);
        for (Int i = 0; i < p.depth * p.width; i++) copy(w.active + i * BLOCK, w.gathered + (p.dim + i) * BLOCK);
        copy((const Real *)p.labels + start, w.labels);
        copy((const Real *)p.delta + start, w.delta);
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
        for (Int k = 0; k < p.n_params; k++) ((Real *)p.gradient)[k] = add_lanes(w.lanes[k]);
        return n_delta;
    }

    // One step t of Adam (Kingma and Ba 2015). `rate` is the learning rate over 1 - beta_1^t, `root` is
    // sqrt(1 - beta_2^t).
    static void update(const Problem &p) {
        const Real forget_1 = Real(1 - p.beta_1), forget_2 = Real(1 - p.beta_2), keep_2 = Real(p.beta_2);
        const Real rate = Real(p.rate), root = Real(p.root), epsilon = Real(p.epsilon);
        Real *params = (Real *)p.params, *first = (Real *)p.first_moment, *second = (Real *)p.second_moment;
        const Real *gradient = (const Real *)p.gradient;
        for (Int k = 0; k < p.n_params; k++) {
            first[k] = __builtin_elementwise_fma(forget_1, gradient[k] - first[k], first[k]);
            second[k] = __builtin_elementwise_fma(forget_2 * gradient[k], gradient[k], keep_2 * second[k]);
            params[k] -= rate * first[k] / (__builtin_elementwise_sqrt(second[k]) / root + epsilon);
        }
    }
};

#define EXPORTS(REAL, T)                                                                          \
    EXPORT Int workspace_size_##REAL(const Problem *p) { return Step<T>::Workspace(*p).bytes; }   \
    EXPORT void outputs_##REAL(const Problem *p) { Step<T>::outputs(*p); }                        \
    EXPORT Int gradient_##REAL(const Problem *p) { return Step<T>::gradient(*p); }                \
    EXPORT void update_##REAL(const Problem *p) { Step<T>::update(*p); }

EXPORTS(double, Double)
EXPORTS(float, Float)
