// Colours the points by the chosen column, and shows its colour bar.
const column = cb_obj.value
const colour = {field: column, transform: mappers[column]}
for (const glyph of [points.glyph, points.selection_glyph, points.nonselection_glyph, points.muted_glyph])
    if (glyph != null && glyph !== "auto") glyph.fill_color = colour
for (const [name, bar] of Object.entries(bars)) bar.visible = name === column
title.text = titles[column]
