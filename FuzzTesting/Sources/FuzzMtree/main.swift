import FuzzChecks
import FuzzDriver
import Glibc

exit(FuzzTarget.mtree.fuzz())
