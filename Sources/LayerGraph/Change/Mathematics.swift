// The only thing of the C library that planning needs.
#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// e to the power of a number.
func exponential(_ exponent: Double) -> Double { exp(exponent) }
