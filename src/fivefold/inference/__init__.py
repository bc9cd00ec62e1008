"""Floor 5: what the data say of unknown quantities.

Today: penalties and relevance by marginal likelihood, exact for Gaussian models and by Laplace's
approximation for the other families.
"""

from fivefold.inference.block_evidence import GaussianEvidence, gaussian_evidence
from fivefold.inference.kernel_evidence import KernelEvidence, KernelRelevance, kernel_relevance
from fivefold.inference.laplace_evidence import LaplaceEvidence, laplace_evidence

__all__ = [
    "GaussianEvidence",
    "KernelEvidence",
    "KernelRelevance",
    "LaplaceEvidence",
    "gaussian_evidence",
    "kernel_relevance",
    "laplace_evidence",
]
