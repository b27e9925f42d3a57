import FuzzChecks
import FuzzDriver
import Glibc

exit(FuzzTarget.narinfo.fuzz())
