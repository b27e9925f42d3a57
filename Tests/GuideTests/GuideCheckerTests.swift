import Foundation
import OCICore
import OCITesting
import SystemPackage
import Testing

/// The checker itself: what is wrong is found, and said with its line.
struct GuideCheckerTests {
  private func guide(_ text: String) -> Guide { Guide(path: "docs/test.md", text: text) }

  private func lines(_ findings: [GuideFinding]) -> [Int] { findings.map(\.line) }

  // MARK: Form

  @Test func blocksAreFoundWithTheirLinesAndDirectives() {
    let guide = guide("# A\n\n<!-- exits: 65 -->\n```sh\nfalse\n```\n- item\n  ```json\n  {}\n  ```\n")
    #expect(guide.findings.isEmpty)
    #expect(guide.blocks.map(\.language) == ["sh", "json"])
    #expect(guide.blocks.map(\.line) == [5, 9])
    #expect(guide.blocks.map(\.text) == ["false\n", "{}\n"])
    #expect(guide.blocks[0].directives == ["exits": "65"])
  }

  @Test func aBlockOfAnotherLanguageIsFound() {
    #expect(lines(guide("```bash\nls\n```\n").findings) == [1])
    #expect(lines(guide("text\n```\nls\n```\n").findings) == [2])
  }

  @Test func aBlockThatIsNotClosedIsFound() { #expect(lines(guide("a\n```sh\nls\n").findings) == [2]) }

  @Test func aCommentThatGoesNowhereIsFound() {
    #expect(lines(guide("<!-- exits: 1 -->\ntext\n```sh\nfalse\n```\n").findings) == [1])
    #expect(lines(guide("<!-- given: a: Int -->\n```sh\nfalse\n```\n").findings) == [1])
  }

  @Test func anchorsAreThoseOfGitHub() {
    let guide = guide("# From a `binary` cache, twice!\n## Same\n## Same\n```sh\n# no heading\n```\n")
    #expect(guide.headings.map(\.anchor) == ["from-a-binary-cache-twice", "same", "same-1"])
  }

  @Test func linksThatLeadNowhereAreFound() {
    let other = Guide(path: "docs/other.md", text: "# There\n")
    let text = """
      # Here
      [a](other.md) [b](other.md#there) [c](#here) [d](https://example.org/x) [e](../LICENSE)
      [a](absent.md)
      [b](other.md#absent)
      [c](#absent)
      [d](../../outside)
      <img src="picture.svg">
      `[not](a-link.md)`
      """
    let guide = guide(text)
    let links = GuideLinks([guide, other]) { ["docs/test.md", "docs/other.md", "LICENSE"].contains($0) }
    #expect(lines(links.findings(in: guide)) == [3, 4, 5, 6, 7])
  }

  @Test func verbsAndOptionsThatAreNotThereAreFound() async throws {
    let help = try await GuideTests.help()
    let text = """
      `flywheel build --to DEST` `flywheel VERB --help` `flywheel plan replay --history FILE` `flywheel push [--project FILE]`
      `flywheel bulid`
      `flywheel build --too x`
      `flywheel plan replay --to x`
      `flywheel` and `flywheel.yaml` and `flywheel inspect x --json \\| jq -r .digest`
      """
    #expect(lines(help.findings(in: guide(text))) == [2, 3, 4])
  }

  // MARK: Secrets

  @Test(arguments: [
    #"echo "$TOKEN" | flywheel login ghcr.io --password-stdin"#, #"printf '%s' "$CI_JOB_TOKEN" | flywheel login a"#,
    #"flywheel login a --password-stdin <<< "$TOKEN""#, "export TOKEN=abc", #"TOKEN="$OTHER_TOKEN" flywheel push"#,
    "flywheel push --netrc-file $TOKEN_FILE", "# flywheel login $TOKEN", #"[ -n "$TOKEN" ]"#,
    #"printf 'password %s\n' "$PASSWORD" > netrc"#, #"auth=$(printf 'robot:%s' "$TOKEN" | base64 -w 0)"#,
  ]) func aSecretOnAnInputIsNoFinding(script: String) { #expect(ExposedSecrets.lines(of: script) == []) }

  @Test(arguments: [
    "flywheel login ghcr.io --password $TOKEN", #"skopeo copy --dest-creds "robot:$CI_REGISTRY_PASSWORD" a b"#,
    #"true && curl -H "Authorization: Bearer ${GITHUB_TOKEN}" x"#, #"echo "$TOKEN""#,
    #"X=$(curl -u "a:$PASSWORD" b)"#, "curl -u a:${{ secrets.PW }} b", #"cat x | tool "$MY_SECRET""#,
  ]) func aSecretThatIsAnArgumentIsFound(script: String) {
    #expect(ExposedSecrets.lines(of: "true\n" + script) == [2])
  }

  // MARK: Commands

  private func run(_ text: String, fixture: String? = nil) async throws -> [GuideFinding] {
    try await withTemporaryDirectory { directory in
      var file: String?
      if let fixture {
        file = directory.appending("fixture.sh").string
        try FileSystem.replace(directory.appending("fixture.sh"), with: Array(fixture.utf8))
      }
      return try await GuideWorld.with { world in
        try await GuideScript(guide(text), fixture: file).run(in: world)
      }
    }
  }

  @Test(.enabled(if: GuideWorld.isThere)) func blocksShareAShellAndItsFixture() async throws {
    let text =
      "```sh\nx=$(made 1)\n```\n<!-- file: sub/a.json -->\n```json\n{}\n```\n```sh\n[ \"$x\" = made-1 ]\ncat sub/a.json\n```\n"
    #expect(try await run(text, fixture: "made() { echo \"made-$1\"; }\n") == [])
  }

  @Test(.enabled(if: GuideWorld.isThere)) func aCommandThatFailsIsNamedWithItsLineAndOutput() async throws {
    let findings = try await run("```sh\ntrue\n```\n\n```sh\ntrue\ncat absent | sort\ntrue\n```\n")
    #expect(lines(findings) == [7])
    #expect(findings.first?.message.contains("absent") == true)
    #expect(findings.first?.file == "docs/test.md")
  }

  @Test(.enabled(if: GuideWorld.isThere)) func aVariableThatIsNotSetIsFound() async throws {
    let findings = try await run("```sh\ntrue\n```\n```sh\necho $nothing\n```\n")
    #expect(lines(findings) == [5] && findings.first?.message.contains("nothing: unbound") == true)
  }

  @Test(.enabled(if: GuideWorld.isThere)) func aFunctionOfTheFixtureFailsAtTheLineThatCallsIt() async throws {
    #expect(lines(try await run("```sh\ntrue\nbreak_it\n```\n", fixture: "break_it() {\n\n\n\n\n  false\n}\n")) == [3])
  }

  @Test(.enabled(if: GuideWorld.isThere)) func blocksThatAreNotReachedAreFound() async throws {
    #expect(lines(try await run("```sh\nexit 0\n```\n```sh\nfalse\n```\n")) == [2])
  }

  @Test(
    .enabled(if: GuideWorld.isThere),
    arguments: [
      ("true\nflywheel check absent.yaml", 66, []), ("flywheel check absent.yaml", 65, [3]), ("true", 65, [3]),
      ("flywheel check absent.yaml\ntrue", 66, [4]),
    ]) func anExpectedFailureHasToHappenAtTheEnd(commands: String, code: Int, expected: [Int]) async throws
  {
    let findings = try await run("<!-- exits: \(code) -->\n```sh\n\(commands)\n```\n```sh\ntrue\n```\n")
    #expect(lines(findings) == expected, "\(findings)")
  }

  @Test func onlyWhatCIRunsMayBeLeftOut() {
    let text = "<!-- not run: CI does -->\n```sh\nScripts/test   # all\n```\n<!-- not run: slow -->\n```sh\n\nls\n```\n"
    #expect(lines(GuideScript(guide(text), fixture: nil).staticFindings()) == [8])
  }

  @Test(.enabled(if: GuideWorld.isThere && Tool.areInstalled("skopeo"))) func theWorldHasRegistriesByTheirNames()
    async throws
  {
    let text = """
      ```sh
      flywheel copy docker://docker.io/library/caddy:2 oci:image:latest
      skopeo inspect docker://docker.io/library/caddy:2 > /dev/null
      if flywheel copy oci:image:latest docker://ghcr.io/team/app:1; then exit 1; fi
      echo "$TOKEN" | flywheel login ghcr.io --username robot --password-stdin
      flywheel copy oci:image:latest docker://ghcr.io/team/app:1
      flywheel copy docker://ghcr.io/team/app:1 oci:again:latest
      mkdir -p "$GUIDE_WEB/files.example.org" && echo hello > "$GUIDE_WEB/files.example.org/a"
      [ "$(curl -fsS https://files.example.org/a)" = hello ]
      if curl -fsS https://elsewhere.example.org/; then exit 1; fi
      ```
      """
    let findings = try await run(text)
    #expect(findings == [], "\(findings)")
  }

  // MARK: CI

  private func ci(_ text: String, _ service: CIRecipe.Service) async throws -> [GuideFinding] {
    let block = GuideBlock(language: "yaml", line: 1, text: text)
    return try await GuideWorld.with { world in
      try await CIRecipe(text, for: service).run(block, of: guide(""), fixture: nil, in: world)
    }
  }

  @Test(.enabled(if: GuideWorld.isThere)) func stepsOfGitHubRun() async throws {
    let text = """
      on: push
      jobs:
        push:
          runs-on: ubuntu-latest
          steps:
            - uses: actions/checkout@v4
            - run: echo "$PASSWORD" | flywheel login ghcr.io --username "$GITHUB_ACTOR" --password-stdin
              env:
                PASSWORD: ${{ secrets.GITHUB_TOKEN }}
            - run: |
                [ ${{ github.repository }} = team/app ]
                echo "NAME=value" >> "$GITHUB_ENV"
            - run: '[ "$NAME" = COMPARED ]'
      """
    #expect(try await ci(text.replacing("COMPARED", with: "value"), .github) == [])
    #expect(lines(try await ci(text.replacing("COMPARED", with: "other"), .github)) == [13])
  }

  @Test(.enabled(if: GuideWorld.isThere)) func scriptsOfGitLabRun() async throws {
    let text = """
      variables:
        IMAGE: $CI_REGISTRY_IMAGE/server
      .login:
        before_script:
          - echo "$CI_REGISTRY_PASSWORD" | flywheel login "$CI_REGISTRY" --username "$CI_REGISTRY_USER" --password-stdin
      push:
        extends: .login
        script:
          - '[ "$IMAGE" = registry.gitlab.com/team/app/COMPARED ]'
        after_script:
          - flywheel logout "$CI_REGISTRY"
      """
    #expect(try await ci(text.replacing("COMPARED", with: "server"), .gitlab) == [])
    #expect(lines(try await ci(text.replacing("COMPARED", with: "other"), .gitlab)) == [9])
  }

  @Test func whatARecipeMayNotDoIsFound() {
    func fault(_ step: String) -> Int? {
      do {
        _ = try CIRecipe("jobs:\n  a:\n    steps:\n      - run: 'true'\n      - \(step)\n", for: .github)
        return nil
      } catch { return (error as? CIRecipe.Fault)?.line }
    }
    #expect(fault("uses: actions/checkout@v4") == nil)
    #expect(fault("uses: somebody/else@v1") == 5)
    #expect(fault("uses: actions/checkout") == 5)
    #expect(fault("run: tool ${{ secrets.X }}") == 5)
    #expect(fault("run: tool ${{ steps.x.outputs.y }}") == 5)
  }

  // MARK: Code and documents

  @Test(.enabled(if: Tool.areInstalled("swiftc"))) func swiftThatDoesNotCompileIsFound() async throws {
    let text = """
      <!-- imports: OCICore -->
      <!-- given: text: String -->
      ```swift
      let unused = try ImageReference(text)
      ```
      ```swift
      import LayerGraph
      let a: Int = "text"
      ```
      ```swift
      @main struct Program {
        static func main() { absent() }
      }
      ```
      ```swift
      // swift-tools-version: 6.2
      import PackageDescription
      let package = Package(nam: "x")
      ```
      """
    let findings = try await SwiftBlocks([guide(text)]).findings()
    #expect(lines(findings).sorted() == [8, 12, 18], "\(findings)")
  }

  @Test func documentsThatCannotBeReadAreFound() async throws {
    let text = "```json\n{\"a\": …}\n```\n```yaml\na: [\n```\n```yaml\nversion: 1\nimages: {a: {cluster: x}}\n```\n"
    #expect(lines(try await GuideDocuments.findings(in: guide(text))) == [2, 5, 8])
  }

  @Test(.enabled(if: Tool.areInstalled("nix-instantiate"))) func nixIsParsedAlsoInParts() async throws {
    let text = "```nix\na = 1;\n```\n```nix\n{ a = 1; }\n```\n```nix\na = ;\n```\n"
    #expect(lines(try await GuideDocuments.findings(in: guide(text))) == [8])
  }
}
