import FuzzChecks
import FuzzDriver
import Glibc

exit(FuzzTarget.digest.fuzz())
