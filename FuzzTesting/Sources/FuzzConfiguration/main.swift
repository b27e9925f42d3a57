import FuzzChecks
import FuzzDriver
import Glibc

exit(FuzzTarget.configuration.fuzz())
