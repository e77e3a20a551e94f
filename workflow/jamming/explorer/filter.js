// Shows the runs that all three controls allow.
const {dataset: datasets, depth: depths, kind: kinds} = source.data
const allows = (control, value) => control.value === "all" || control.value === value
filter.booleans = Array.from(datasets, (_, i) =>
    allows(dataset, datasets[i]) && allows(depth, depths[i]) && allows(kind, kinds[i]))
