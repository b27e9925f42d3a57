/// A stretch of a layer's tar, so that any thread can make the most of it, and where it is.
struct LayerBatch: Sendable {
  let slot: Slot
  /// Which part of which source it is, when it holds nothing else.
  var part: Part?
  /// After it, exactly so many leading sources are complete, and nothing else is there.
  var completedSources: Int?

  /// A stretch of a source that is encoded on its own.
  struct Part: Sendable, Hashable {
    var source: LayerRecipe.Source
    var number: Int
  }

  /// How many bytes it has.
  var count: Int { slot.tarCount }
}
