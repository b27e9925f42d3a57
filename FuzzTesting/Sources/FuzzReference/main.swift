import FuzzChecks
import FuzzDriver
import Glibc

exit(FuzzTarget.reference.fuzz())
