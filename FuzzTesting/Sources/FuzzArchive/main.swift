import FuzzChecks
import FuzzDriver
import Glibc

exit(FuzzTarget.archive.fuzz())
