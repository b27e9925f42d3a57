import Testing

@testable import flywheel

struct ProgressMeterTests {
  private let start = ContinuousClock.now

  @Test func theLineHasBytesRateAndTimeLeft() {
    var meter = ProgressMeter<Int>()
    meter.expect(1, size: 100 << 20)
    meter.expect(2, size: 20 << 20)
    #expect(meter.line(at: start, parts: "blob") == "[....................] 0 B of 120.0 MiB, 2 blobs to go")
    meter.advance(1, to: 30 << 20, of: 100 << 20)
    #expect(
      meter.line(at: start + .seconds(2), parts: "blob")
        == "[#####...............] 30.0 MiB of 120.0 MiB, 15.0 MiB/s, 6 s left, 2 blobs to go")
    meter.finish(2)
    meter.finish(1)
    #expect(meter.open == 0)
    #expect(
      meter.line(at: start + .seconds(3), parts: "blob").hasPrefix("[####################] 120.0 MiB of 120.0 MiB"))
  }

  @Test func whatNeedNotBeSentIsNeitherDoneNorLeft() {
    var meter = ProgressMeter<Int>()
    meter.expect(1, size: 1000)
    meter.expect(2, size: 10)
    meter.drop(1)
    #expect(meter.total == 10)
    #expect(meter.done == 0)
  }

  @Test func theRateIsThatOfTheLastSeconds() throws {
    var meter = ProgressMeter<Int>()
    for second in 0...20 {
      // Fast for ten seconds, then slow.
      let done = Int64(second <= 10 ? second * 1000 : 10_000 + (second - 10) * 10)
      meter.advance(1, to: done, of: 20_000)
      meter.sample(at: start + .seconds(second))
    }
    let rate = try #require(meter.rate)
    #expect(rate == 10)
    #expect(meter.secondsLeft == 990)
  }

  @Test func anUploadThatBeginsAnewGivesNoNegativeRate() {
    var meter = ProgressMeter<Int>()
    meter.advance(1, to: 500, of: 1000)
    meter.sample(at: start)
    meter.advance(1, to: 0, of: 1000)
    meter.sample(at: start + .seconds(1))
    #expect(meter.rate == nil)
    meter.advance(1, to: 100, of: 1000)
    meter.sample(at: start + .seconds(2))
    #expect(meter.rate == 100)
  }

  @Test func withoutATotalThereIsNoBarAndNoTimeLeft() {
    var meter = ProgressMeter<Int>()
    meter.expect(1)
    meter.advance(1, to: 1024)
    _ = meter.line(at: start)
    meter.advance(1, to: 3072)
    #expect(meter.line(at: start + .seconds(1), parts: "layer") == "3.0 KiB, 2.0 KiB/s, 1 layer to go")
  }

  @Test func anExpectedTotalShrinksByWhatIsKnownAlready() {
    var meter = ProgressMeter<Int>()
    meter.expected = 1000
    meter.expect(1)
    meter.drop(1, size: 400)
    meter.expect(2)
    meter.advance(2, to: 300)
    #expect(meter.total == 600)
    #expect(meter.line(at: start) == "[##########..........] 300 B of 600 B")
  }

  @Test func whatMattersLeastIsLeftOutOfANarrowTerminal() {
    var meter = ProgressMeter<Int>()
    meter.advance(1, to: 0, of: 40 << 20)
    _ = meter.line(at: start)
    meter.advance(1, to: 20 << 20, of: 40 << 20)
    let whole = "[##########..........] 20.0 MiB of 40.0 MiB, 20.0 MiB/s, 1 s left, 1 blob to go"
    #expect(meter.line(at: start + .seconds(1), parts: "blob", width: 79) == whole)
    #expect(
      meter.line(at: start + .seconds(1), parts: "blob", width: 71) == whole.replacing(", 1 blob to go", with: ""))
    #expect(meter.line(at: start + .seconds(1), parts: "blob", width: 30) == "20.0 MiB of 40.0 MiB")
  }

  @Test func sizesThatNoMachineHasDoNotOverflow() {
    var meter = ProgressMeter<Int>()
    meter.expect(1, size: .max)
    meter.expect(2, size: .max)
    meter.advance(3, to: 5, of: -1)
    #expect(meter.total == .max)
    #expect(meter.line(at: start).hasPrefix("[....................] 5 B of "))
  }
}
