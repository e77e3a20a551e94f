"""Ways to minimize the hinge loss, side by side: how many evaluations of the gradient each needs, how far each comes.

`methods` holds the ways, `evaluations` counts and records, `comparison` runs them on the same networks.
"""
