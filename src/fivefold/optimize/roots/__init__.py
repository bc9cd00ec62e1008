"""Systems of equations: Newton-Krylov and the certificate of Kantorovich."""
