import FuzzChecks
import FuzzDriver
import Glibc

exit(FuzzTarget.descriptor.fuzz())
