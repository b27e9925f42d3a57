import FuzzChecks
import FuzzDriver
import Glibc

exit(FuzzTarget.manifest.fuzz())
