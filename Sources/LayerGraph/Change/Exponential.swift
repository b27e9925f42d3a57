/// e to the power of a number, to within a few units in the last place.
///
/// The C library's differs in the last place from processor to processor, and a plan must not. This is sums and
/// products alone, which IEEE 754 fixes to the bit.
func exponential(_ exponent: Double) -> Double {
  guard exponent > -700 else { return 0 }
  guard exponent < 700 else { return .infinity }
  // e^x = 2^k e^r with r at most half of ln 2; ln 2 in two parts, so that k times the first is exact.
  let power = (exponent * 1.4426950408889634).rounded()
  let rest = (exponent - power * 0.693147180369123816490) - power * 1.90821492927058770002e-10
  // The Taylor series, whose next term is below 1e-17.
  var sum = 1.0 / 6227020800
  sum = sum * rest + 1.0 / 479001600
  sum = sum * rest + 1.0 / 39916800
  sum = sum * rest + 1.0 / 3628800
  sum = sum * rest + 1.0 / 362880
  sum = sum * rest + 1.0 / 40320
  sum = sum * rest + 1.0 / 5040
  sum = sum * rest + 1.0 / 720
  sum = sum * rest + 1.0 / 120
  sum = sum * rest + 1.0 / 24
  sum = sum * rest + 1.0 / 6
  sum = sum * rest + 1.0 / 2
  sum = sum * rest + 1
  sum = sum * rest + 1
  return sum * Double(sign: .plus, exponent: Int(power), significand: 1)
}
