from fivefold import calculus as calculus
from fivefold import linalg as linalg
from fivefold import networks as networks
from fivefold import probability as probability
from fivefold.core import ArgumentError as ArgumentError
from fivefold.core import ArtifactError as ArtifactError
from fivefold.core import Budget as Budget
from fivefold.core import Certificate as Certificate
from fivefold.core import DataError as DataError
from fivefold.core import FivefoldError as FivefoldError
from fivefold.core import MissingExtraError as MissingExtraError
from fivefold.core import NumericalError as NumericalError
from fivefold.core import Status as Status
from fivefold.objective import DataObjective as DataObjective
from fivefold.objective import Linear as Linear
from fivefold.objective import Objective as Objective
from fivefold.optimize import advise as advise
from fivefold.optimize import compare as compare
from fivefold.optimize import minimize as minimize
from fivefold.optimize import root as root
from fivefold.optimize import train as train
from fivefold.tasks.tables.estimators import Classifier as Classifier
from fivefold.tasks.tables.estimators import Regressor as Regressor
from fivefold.tasks.tables.fit import fit as fit
from fivefold.tasks.tables.model import Model as Model
from fivefold.tasks.tables.model import load as load

__version__: str
