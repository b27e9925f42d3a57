import FuzzChecks
import FuzzDriver
import Glibc

exit(FuzzTarget.description.fuzz())
