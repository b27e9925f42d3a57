import FuzzChecks
import FuzzDriver
import Glibc

exit(FuzzTarget.plan.fuzz())
