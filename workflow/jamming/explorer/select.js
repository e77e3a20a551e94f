// Fills the plots at the right with the measurements on the chosen run. A note says what was not measured.
const run = runs.selected.indices[0]
const plots = {learning: ["learning"], loss_curve: ["loss_curve"], gaps: ["positive", "negative"], spectrum: ["spectrum"]}
const logarithmic = {learning: [true, false], loss_curve: [true, true], gaps: [true, true], spectrum: [false, true]}

function part(curve, name) {
    const column = curves.data[`${curve === "spectrum" ? matrix.value : curve}_${name}`]
    if (name === "note") return run === undefined ? "" : column[run]
    return run === undefined ? [] : Array.from(column[run])
}

// Limits a little wider than the values, or none if there are none.
function limits(values, log) {
    const finite = values.filter((value) => Number.isFinite(value) && (!log || value > 0))
    if (finite.length === 0) return null
    const [low, high] = [Math.min(...finite), Math.max(...finite)]
    if (log) return [low / 1.3, high * 1.3]
    const pad = 0.05 * (high - low) || 0.5
    return [low - pad, high + pad]
}

for (const [name, shown] of Object.entries(plots)) {
    const x = [], y = []
    for (const curve of shown) {
        lines[curve].data = {x: part(curve, "x"), y: part(curve, "y")}
        lines[curve].data.y.forEach((value, i) => {
            if (Number.isFinite(value)) { x.push(lines[curve].data.x[i]); y.push(value) }
        })
    }
    if (name === "learning" && y.length > 0) y.push(0)
    const figure = figures[name]
    const axes = [[figure.x_range, limits(x, logarithmic[name][0])], [figure.y_range, limits(y, logarithmic[name][1])]]
    for (const [range, wanted] of axes)
        if (wanted !== null) [range.start, range.end] = wanted
    const words = [...new Set(shown.map((curve) => part(curve, "note")))].filter((note) => note !== "").join("\n")
    notes[name].text = y.length > 0 ? "" : run === undefined ? "click on a point" : words || "nothing to show"
}
figures.spectrum.title.text = `Spectrum of ${matrices[matrix.value]} at the end`

if (run === undefined) {
    chosen.text = "Nothing chosen: click on a point."
} else {
    const value = (column) => runs.data[column][run]
    const loss = value("loss") === 0 ? "0" : value("loss").toExponential(2)
    const eigenvalues = lines.spectrum.data.y.length > 0 ? `; ${matrices[matrix.value]}: ${part("spectrum", "note")}` : ""
    chosen.text = `${value("name")}: ${value("dataset")}, ${value("depth")}, ${value("what")}; ` +
        `P = ${value("n_train")}, N = ${value("n_weights")} (h = ${value("width")}), P/N = ${value("p_over_n").toFixed(2)}; ` +
        `N_Δ/N = ${value("n_delta_over_n").toFixed(3)}, 𝓛 = ${loss}; ${value("ending")}${eigenvalues}.`
}
