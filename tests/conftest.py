"""One thread for every test: small problems on many threads measure the scheduler, and bits depend on the number."""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
