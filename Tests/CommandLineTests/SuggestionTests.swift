import Testing

@testable import flywheel

struct SuggestionTests {
  @Test(arguments: [
    ("pusj", "'push'"), ("biuld --file x", "'build'"), ("build --fil x", "'--file'"),
    ("build --tag-digets", "'--tag-digest'"),
    ("plan shwo", "'show'"), ("plan --max-layer 3", "'--max-layers'"), ("plan replay --histroy=x", "'--history'"),
    ("nix laer", "'layer'"), ("--verson", "'--version'"), ("copy --dryrun a b", "'--dry-run'"), ("ins x", "'inspect'"),
  ])
  func whatWasMeantIsNamed(words: String, meant: String) throws {
    let root = try #require(VerbDescription.all())
    let suggestion = try #require(Suggestion(for: words.split(separator: " ").map(String.init), in: root))
    #expect(suggestion.message.hasSuffix("did you mean \(meant)?"), "\(suggestion.message)")
  }

  @Test(arguments: ["frobnicate", "build --frobnicate", "plan frobnicate"])
  func whatResemblesNothingIsAnsweredWithWhereToLook(words: String) throws {
    let root = try #require(VerbDescription.all())
    let suggestion = try #require(Suggestion(for: words.split(separator: " ").map(String.init), in: root))
    #expect(suggestion.message.hasSuffix("--help' lists what there is"), "\(suggestion.message)")
  }

  @Test(arguments: [
    "build --file /a=b --to oci:x", "copy pusj push", "help", "plan --closure shwo --explain", "nix layer",
    "serve --port=3",
    "build -- --frobnicate", "-h", "", "build --cmd --port --file /a=a", "build --entrypoint --x -q",
  ])
  func whatExistsIsNotCorrected(words: String) throws {
    let root = try #require(VerbDescription.all())
    #expect(Suggestion(for: words.split(separator: " ").map(String.init), in: root) == nil)
  }

  @Test func theDistanceCountsExchangedNeighboursOnce() {
    #expect(Suggestion.distance("build", "build") == 0)
    #expect(Suggestion.distance("biuld", "build") == 1)
    #expect(Suggestion.distance("bld", "build") == 2)
    #expect(Suggestion.distance("", "build") == 5)
  }
}
