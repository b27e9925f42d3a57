import FuzzChecks
import FuzzDriver
import Glibc

exit(FuzzTarget.nar.fuzz())
