"""What counts as evidence: verdicts, witnesses that can be kept in a file, and certificates that verify themselves."""

from numerics.evidence.certificate import Certificate as Certificate
from numerics.evidence.certificate import DescentCertificate as DescentCertificate
from numerics.evidence.certificate import DescentCurve as DescentCurve
from numerics.evidence.certificate import NegativeCurvatureCertificate as NegativeCurvatureCertificate
from numerics.evidence.errors import InputError as InputError
from numerics.evidence.verdict import Answer as Answer
from numerics.evidence.verdict import Rigour as Rigour
from numerics.evidence.verdict import Verdict as Verdict
from numerics.evidence.verdict import at_least as at_least
from numerics.evidence.verdict import at_most as at_most
from numerics.evidence.verdict import decided as decided
from numerics.evidence.verdict import equal as equal
from numerics.evidence.verdict import every as every
from numerics.evidence.verdict import fails as fails
from numerics.evidence.verdict import greater_than as greater_than
from numerics.evidence.verdict import holds as holds
from numerics.evidence.verdict import less_than as less_than
from numerics.evidence.verdict import undecided as undecided
from numerics.evidence.witness import Witness as Witness
