// One step of SGD on the cross-entropy for a fully-connected network with batch normalization.
//
// Each layer needs the mean and variance of the whole batch. So a layer is computed for all blocks of the batch before
// the next layer begins. `valid` is 1 for a pattern and 0 for the padding behind the last one, which must not count.
// tests/kernels/test_cross_entropy.py compares the step with torch.

#include "blocks.h"

// The same fields in the same order as `Problem` in compiled_cross_entropy.py. Parameters of a hidden layer are
// W (width, n_in), γ, β (width); of the last W (1, width) and a bias.
struct Problem {
    Int dim, width, depth, tanh, n_patterns, n_params;
    double epsilon;                        // added to the variance
    const void *inputs, *labels;           // (blocks, dim, BLOCK) and (blocks, BLOCK)
    void *params, *gradient, *outputs;     // (n_params), (n_params), (blocks, BLOCK)
    void *workspace;                       // as many bytes as `workspace_size` says
};

template <typename T>
struct Step : Blocks<T> {
    typedef typename T::Real Real;
    typedef typename T::Vector Vector;
    using Base = Blocks<T>;
    using Base::BLOCK, Base::LANES, Base::vector, Base::all, Base::take, Base::add_lanes, Base::add_gradient;
    using Base::NOTHING;

    struct Layer {
        Int n_in, start, scales, shifts;
    };
    INLINE Layer layer(const Problem &p, Int number) {
        Int n_in = number ? p.width : p.dim, n_out = number == p.depth ? 1 : p.width;
        Int start = number ? p.width * (p.dim + 2) + (number - 1) * p.width * (p.width + 2) : 0;
        Int scales = start + n_out * n_in;
        return {n_in, start, scales, number == p.depth ? scales : scales + n_out};
    }

    struct Workspace {
        Real *valid;           // (blocks, BLOCK)
        Real *normalized;      // (depth, blocks, width, BLOCK)
        Real *active;          // (depth, blocks, width, BLOCK)
        Real *above, *below;   // ∂ℓ/∂a of one layer: (blocks, width, BLOCK)
        Real *inverse;         // 1/standard deviation: (depth, width)
        Real *transposed;      // the weights of one layer
        Vector *lanes;         // the gradient of one layer, one sum per lane
        Int blocks, layer_size, bytes;

        Workspace(const Problem &p) {
            char *at = (char *)p.workspace;
            blocks = (p.n_patterns + BLOCK - 1) / BLOCK;
            layer_size = blocks * p.width * BLOCK;
            valid = take(at, blocks * BLOCK);
            normalized = take(at, p.depth * layer_size);
            active = take(at, p.depth * layer_size);
            above = take(at, layer_size);
            below = take(at, layer_size);
            inverse = take(at, p.depth * p.width);
            transposed = take(at, p.width * p.width);
            lanes = (Vector *)take(at, p.width * (p.dim > p.width ? p.dim : p.width) * LANES);
            bytes = at - (char *)p.workspace;
        }
    };

    // Fills `normalized` and `active` of a layer from the products in `active`
    static void normalize(const Problem &p, const Workspace &w, Int number, Real *normalized, Real *active) {
        const Real *scales = (const Real *)p.params + layer(p, number).scales;
        const Real *shifts = (const Real *)p.params + layer(p, number).shifts;
        const Real count = Real(p.n_patterns);
        for (Int o = 0; o < p.width; o++) {
            auto row = [&](Real *x, Int b, int v) -> Vector & { return vector(x + (b * p.width + o) * BLOCK, 0, v); };
            auto valid = [&](Int b, int v) { return vector((const Real *)w.valid + b * BLOCK, 0, v); };
            Vector sum = {}, squares = {};
            for (Int b = 0; b < w.blocks; b++)
                for (int v = 0; v < VECTORS; v++) sum = fma(row(active, b, v), valid(b, v), sum);
            const Vector mean = all(add_lanes(sum) / count);
            for (Int b = 0; b < w.blocks; b++)
                for (int v = 0; v < VECTORS; v++) {
                    Vector difference = (row(active, b, v) - mean) * valid(b, v);
                    squares = fma(difference, difference, squares);
                }
            const Real variance = add_lanes(squares) / count;
            const Real inverse = Real(1) / __builtin_elementwise_sqrt(variance + Real(p.epsilon));
            w.inverse[number * p.width + o] = inverse;
            for (Int b = 0; b < w.blocks; b++)
                for (int v = 0; v < VECTORS; v++) {
                    Vector x = (row(active, b, v) - mean) * inverse, z = fma(x, all(scales[o]), all(shifts[o]));
                    if (p.tanh)
                        z = hyperbolic_tangent<T>(z);
                    else
                        z = z > 0 ? z : z * 0;  // NaN stays NaN
                    row(normalized, b, v) = x;
                    row(active, b, v) = z * valid(b, v);
                }
        }
    }

    static void forward(const Problem &p, Workspace &w) {
        for (Int k = 0; k < w.blocks * BLOCK; k++) w.valid[k] = k < p.n_patterns ? Real(1) : Real(0);
        const Real *in = (const Real *)p.inputs;
        for (Int number = 0; number < p.depth; number++) {
            Layer at = layer(p, number);
            Real *active = w.active + number * w.layer_size;
            for (Int b = 0; b < w.blocks; b++)
                Base::template multiply<NOTHING>((const Real *)p.params + at.start, nullptr, in + b * at.n_in * BLOCK, at.n_in,
                                                 active + b * p.width * BLOCK, p.width);
            normalize(p, w, number, w.normalized + number * w.layer_size, active);
            in = active;
        }
        Layer last = layer(p, p.depth);
        const Real *weights = (const Real *)p.params + last.start, *bias = (const Real *)p.params + last.shifts;
        for (Int b = 0; b < w.blocks; b++)
            Base::template multiply<NOTHING>(weights, bias, in + b * p.width * BLOCK, p.width, (Real *)p.outputs + b * BLOCK, 1);
    }

    // Replaces ∂ℓ/∂(active) in `above` by ∂ℓ/∂(product), and fills the gradient of scales and shifts:
    // ∂ℓ/∂(product) = γ/σ (s - <s> - x <s x>), with x the normalized value, s = ∂ℓ/∂(γ x + β) and <> the batch mean
    static void normalize_backward(const Problem &p, const Workspace &w, Int number) {
        const Real *normalized = w.normalized + number * w.layer_size, *active = w.active + number * w.layer_size;
        const Real *scales = (const Real *)p.params + layer(p, number).scales;
        Real *along_scales = (Real *)p.gradient + layer(p, number).scales;
        Real *along_shifts = (Real *)p.gradient + layer(p, number).shifts;
        const Real count = Real(p.n_patterns);
        for (Int o = 0; o < p.width; o++) {
            auto row = [&](const Real *x, Int b, int v) { return vector(x + (b * p.width + o) * BLOCK, 0, v); };
            auto above = [&](Int b, int v) -> Vector & { return vector(w.above + (b * p.width + o) * BLOCK, 0, v); };
            Vector sum = {}, product = {};
            for (Int b = 0; b < w.blocks; b++)
                for (int v = 0; v < VECTORS; v++) {
                    Vector z = row(active, b, v), s = above(b, v);
                    if (p.tanh)
                        s = fma(-(z * z), s, s);
                    else
                        s = z > 0 ? s : Vector{};
                    above(b, v) = s;
                    sum += s;
                    product = fma(s, row(normalized, b, v), product);
                }
            along_shifts[o] = add_lanes(sum);
            along_scales[o] = add_lanes(product);
            const Vector mean = all(along_shifts[o] / count), slope = all(along_scales[o] / count);
            const Vector factor = all(scales[o] * w.inverse[number * p.width + o]);
            for (Int b = 0; b < w.blocks; b++)
                for (int v = 0; v < VECTORS; v++) {
                    Vector valid = vector((const Real *)w.valid + b * BLOCK, 0, v);
                    above(b, v) = factor * valid * (above(b, v) - mean - row(normalized, b, v) * slope);
                }
        }
    }

    // The gradient of the weights of a layer from ∂ℓ/∂(product) in blocks of `n_out` rows
    static void weights_gradient(const Problem &p, const Workspace &w, Int number, Int n_out) {
        Layer at = layer(p, number);
        const Real *in = number ? w.active + (number - 1) * w.layer_size : (const Real *)p.inputs;
        for (Int k = 0; k < n_out * at.n_in; k++) w.lanes[k] = Vector{};
        for (Int b = 0; b < w.blocks; b++)
            add_gradient(w.above + b * n_out * BLOCK, n_out, in + b * at.n_in * BLOCK, at.n_in, w.lanes);
        for (Int k = 0; k < n_out * at.n_in; k++) ((Real *)p.gradient)[at.start + k] = add_lanes(w.lanes[k]);
    }

    // Fills gradient after `forward`
    static void backward(const Problem &p, Workspace &w) {
        Vector sum = {};
        for (Int b = 0; b < w.blocks; b++)
            for (int v = 0; v < VECTORS; v++) {
                Vector label = vector((const Real *)p.labels + b * BLOCK, 0, v);
                // ∂ℓ/∂f = -y / (1 + e^{y f}), divided by the size of the batch; y = 0 behind the last pattern
                Vector s = label * logistic<T>(-label * vector((const Real *)p.outputs + b * BLOCK, 0, v));
                vector(w.above + b * BLOCK, 0, v) = s *= Real(-1) / Real(p.n_patterns);
                sum += s;
            }
        Layer last = layer(p, p.depth);
        ((Real *)p.gradient)[last.shifts] = add_lanes(sum);
        weights_gradient(p, w, p.depth, 1);
        const Real *matrix = (const Real *)p.params + last.start;
        Int n_out = 1;
        for (Int number = p.depth - 1; number >= 0; number--) {
            for (Int b = 0; b < w.blocks; b++)
                Base::template multiply<NOTHING>(matrix, nullptr, w.above + b * n_out * BLOCK, n_out,
                                                 w.below + b * p.width * BLOCK, p.width);
            Real *above = w.above;
            w.above = w.below;
            w.below = above;
            normalize_backward(p, w, number);
            weights_gradient(p, w, number, p.width);
            const Real *weights = (const Real *)p.params + layer(p, number).start;
            if (number)
                for (Int o = 0; o < p.width; o++)
                    for (Int i = 0; i < p.width; i++) w.transposed[i * p.width + o] = weights[o * p.width + i];
            matrix = w.transposed;
            n_out = p.width;
        }
    }

    static void train_step(const Problem &p, Real rate) {
        Workspace w(p);
        forward(p, w);
        backward(p, w);
        Real *params = (Real *)p.params;
        const Real *gradient = (const Real *)p.gradient;
        for (Int k = 0; k < p.n_params; k++) params[k] = __builtin_elementwise_fma(-rate, gradient[k], params[k]);
    }
};

#define EXPORTS(REAL, T)                                                                            \
    EXPORT Int workspace_size_##REAL(const Problem *p) { return Step<T>::Workspace(*p).bytes; }     \
    EXPORT void outputs_##REAL(const Problem *p) {                                                  \
        Step<T>::Workspace w(*p);                                                                   \
        Step<T>::forward(*p, w);                                                                    \
    }                                                                                               \
    EXPORT void train_step_##REAL(const Problem *p, double rate) { Step<T>::train_step(*p, REAL(rate)); }

EXPORTS(double, Double)
EXPORTS(float, Float)
