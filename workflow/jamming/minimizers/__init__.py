"""A comparison of methods that minimize the hinge loss, by their evaluations of the gradient and the loss they reach.

`methods` holds the methods. `evaluations` counts and records. `comparison` runs all methods on the same networks.
"""
