import FuzzChecks
import FuzzDriver
import Glibc

exit(FuzzTarget.index.fuzz())
