import OCICore
import Testing

/// The table of `docs/configuration-merge.md`, cell by cell.
struct ConfigurationMergeTests {
  private static let arm = Platform(architecture: "arm64")

  private func merge(
    _ base: (inout RuntimeConfiguration) -> Void, _ new: (inout RuntimeConfiguration) -> Void,
    _ rules: (inout ConfigurationMerge) -> Void = { _ in }
  ) -> RuntimeConfiguration {
    var (old, fresh, policy) = (RuntimeConfiguration(), RuntimeConfiguration(), ConfigurationMerge())
    base(&old)
    new(&fresh)
    rules(&policy)
    return fresh.merged(onto: old, policy)
  }

  // MARK: Rules

  /// Base, new, and what each rule makes of them.
  @Test(
    arguments: [
      (nil, nil, nil, nil, nil), ("a", nil, "a", "a", nil), (nil, "b", nil, "b", "b"), ("a", "b", "a", "b", "b"),
      ("a", "", "a", "", ""),
    ] as [(String?, String?, String?, String?, String?)])
  func aFieldWithOneValue(base: String?, new: String?, inherit: String?, override: String?, clear: String?) {
    for (rule, expected) in [(ConfigurationMerge.Rule.inherit, inherit), (.override, override), (.clear, clear)] {
      #expect(merge({ $0.user = base }, { $0.user = new }, { $0.user = rule }).user == expected)
      #expect(
        merge({ $0.workingDirectory = base }, { $0.workingDirectory = new }, { $0.workingDirectory = rule })
          .workingDirectory == expected)
      #expect(
        merge({ $0.stopSignal = base }, { $0.stopSignal = new }, { $0.stopSignal = rule }).stopSignal == expected)
    }
  }

  @Test(
    arguments: [
      (nil, nil, nil, nil, nil, nil), (["a"], nil, ["a"], ["a"], ["a"], nil), (nil, ["b"], nil, ["b"], ["b"], ["b"]),
      (["a"], ["b"], ["a"], ["b"], ["a", "b"], ["b"]), (["a"], [], ["a"], [], ["a"], []),
    ] as [([String]?, [String]?, [String]?, [String]?, [String]?, [String]?)])
  func aListThatMayBeEmpty(
    base: [String]?, new: [String]?, inherit: [String]?, override: [String]?, append: [String]?, clear: [String]?
  ) {
    let rules: [(ConfigurationMerge.CollectionRule, [String]?)] = [
      (.inherit, inherit), (.override, override), (.append, append), (.clear, clear),
    ]
    for (rule, expected) in rules {
      #expect(merge({ $0.command = base }, { $0.command = new }, { $0.command = rule }).command == expected)
      #expect(merge({ $0.entrypoint = base }, { $0.entrypoint = new }, { $0.entrypoint = rule }).entrypoint == expected)
      #expect(merge({ $0.shell = base }, { $0.shell = new }, { $0.shell = rule }).shell == expected)
      #expect(merge({ $0.onBuild = base }, { $0.onBuild = new }, { $0.onBuild = rule }).onBuild == expected)
    }
  }

  @Test(
    arguments: [
      (.inherit, ["A=1", "B=2"]), (.override, ["B=3", "C=4"]), (.append, ["A=1", "B=3", "C=4"]),
      (.clear, ["B=3", "C=4"]),
    ] as [(ConfigurationMerge.CollectionRule, [String])])
  func environmentIsMergedByName(rule: ConfigurationMerge.CollectionRule, expected: [String]) {
    let result = merge(
      { $0.environment = ["A=1", "B=2"] }, { $0.environment = ["B=3", "C=4"] }, { $0.environment = rule })
    #expect(result.environment == expected)
    let nothingNew = merge({ $0.environment = ["A=1"] }, { _ in }, { $0.environment = rule })
    #expect(nothingNew.environment == (rule == .clear ? [] : ["A=1"]))
  }

  @Test(
    arguments: [
      (.inherit, ["80", "81"]), (.override, ["81", "82"]), (.append, ["80", "81", "82"]), (.clear, ["81", "82"]),
    ] as [(ConfigurationMerge.CollectionRule, Set<String>)])
  func portsAndVolumesAreSets(rule: ConfigurationMerge.CollectionRule, expected: Set<String>) {
    let result = merge(
      {
        $0.exposedPorts = ["80", "81"]
        $0.volumes = ["80", "81"]
      },
      {
        $0.exposedPorts = ["81", "82"]
        $0.volumes = ["81", "82"]
      },
      {
        $0.exposedPorts = rule
        $0.volumes = rule
      })
    #expect(result.exposedPorts == expected)
    #expect(result.volumes == expected)
  }

  @Test(
    arguments: [
      (.inherit, ["a": "1", "b": "2"]), (.override, ["b": "3", "c": "4"]), (.append, ["a": "1", "b": "3", "c": "4"]),
      (.clear, ["b": "3", "c": "4"]),
    ] as [(ConfigurationMerge.CollectionRule, [String: String])])
  func labelsAreMergedByName(rule: ConfigurationMerge.CollectionRule, expected: [String: String]) {
    let result = merge(
      { $0.labels = ["a": "1", "b": "2"] }, { $0.labels = ["b": "3", "c": "4"] }, { $0.labels = rule })
    #expect(result.labels == expected)
  }

  @Test func aHealthCheckIsReplacedOrCompleted() {
    let old = HealthCheck(test: ["CMD", "a"], interval: .seconds(1), retries: 3)
    let new = HealthCheck(interval: .seconds(9))
    for (rule, expected) in [
      (.inherit, old), (.override, new), (.clear, new),
      (.append, HealthCheck(test: ["CMD", "a"], interval: .seconds(9), retries: 3)),
    ] as [(ConfigurationMerge.CollectionRule, HealthCheck)] {
      let result = merge({ $0.healthCheck = old }, { $0.healthCheck = new }, { $0.healthCheck = rule })
      #expect(result.healthCheck == expected)
    }
    #expect(merge({ $0.healthCheck = old }, { _ in }).healthCheck == old)
    #expect(merge({ $0.healthCheck = old }, { $0.healthCheck = HealthCheck.none }).healthCheck?.test == ["NONE"])
  }

  // MARK: Docker's rule

  /// Entrypoint and command of the base and of the new image, and what comes of them under a Dockerfile's rules.
  @Test(
    arguments: [
      // Nothing new: all is inherited.
      (["e"], ["c"], nil, nil, ["e"], ["c"]),
      // A new command alone replaces the command.
      (["e"], ["c"], nil, ["d"], ["e"], ["d"]),
      // A new entrypoint takes the old command along, be it empty.
      (["e"], ["c"], ["f"], nil, ["f"], nil), (["e"], ["c"], [], nil, [], nil), (nil, ["c"], ["f"], nil, ["f"], nil),
      // Both are new.
      (["e"], ["c"], ["f"], ["d"], ["f"], ["d"]), (["e"], ["c"], ["f"], [], ["f"], []),
    ] as [([String]?, [String]?, [String]?, [String]?, [String]?, [String]?)])
  func aNewEntrypointClearsAnInheritedCommand(
    entrypoint: [String]?, command: [String]?, newEntrypoint: [String]?, newCommand: [String]?,
    mergedEntrypoint: [String]?, mergedCommand: [String]?
  ) {
    let result = merge(
      {
        $0.entrypoint = entrypoint
        $0.command = command
      },
      {
        $0.entrypoint = newEntrypoint
        $0.command = newCommand
      })
    #expect(result.entrypoint == mergedEntrypoint)
    #expect(result.command == mergedCommand)
  }

  @Test func dockersRuleCanBeSwitchedOffAndGivesWayToOthers() {
    func command(_ rules: (inout ConfigurationMerge) -> Void) -> [String]? {
      merge(
        {
          $0.entrypoint = ["e"]
          $0.command = ["c"]
        }, { $0.entrypoint = ["f"] }, rules
      ).command
    }
    #expect(command { _ in } == nil)
    #expect(command { $0.entrypointClearsCommand = false } == ["c"])
    // These entrypoints do not replace the base's.
    #expect(command { $0.entrypoint = .append } == ["c"])
    #expect(command { $0.entrypoint = .inherit } == ["c"])
    #expect(command { $0.entrypoint = .clear } == nil)
    // The caller has said that the base's command stays.
    #expect(command { $0.command = .inherit } == ["c"])
  }

  @Test func whatWasForTheBaseAloneIsNotHandedOn() throws {
    let result = merge(
      {
        $0.onBuild = ["RUN x"]
        $0.shell = ["/bin/bash", "-c"]
        $0.other["Hostname"] = .string("h")
      },
      { $0.other["StopTimeout"] = .integer(3) })
    #expect(result.onBuild == nil)
    #expect(result.shell == ["/bin/bash", "-c"])
    #expect(result.other["Hostname"] == .string("h"))
    #expect(result.other["StopTimeout"] == .integer(3))
  }

  // MARK: Images

  @Test func layersAndHistoryFollowThoseOfTheBase() throws {
    var base = ImageConfiguration(
      platform: .init(architecture: "arm64", variant: "v8"), diffIDs: [.of([1])], history: [.init(createdBy: "base")],
      created: "2020-01-01T00:00:00Z", author: "them")
    base.other["docker_version"] = .string("20")
    base.other["vendor"] = .integer(1)
    base.rootFS.other["x"] = .integer(2)
    let new = ImageConfiguration(
      platform: Self.arm, diffIDs: [.of([2]), .of([3])],
      history: [.init(createdBy: "x"), .init(createdBy: "y"), .init(createdBy: "z", emptyLayer: true)])
    let result = try new.merged(onto: base)
    #expect(result.diffIDs == [.of([1]), .of([2]), .of([3])])
    #expect(result.history.map(\.createdBy) == ["base", "x", "y", "z"])
    #expect(result.platform == base.platform)
    #expect(result.created == nil)
    #expect(result.author == "them")
    #expect(result.other["vendor"] == .integer(1))
    #expect(result.rootFS.other["x"] == .integer(2))
    #expect(result.other["docker_version"] == nil)
    #expect(result.validate() == [])
  }

  @Test func aBaseForAnotherProcessorIsRefused() throws {
    let base = ImageConfiguration(platform: .init(architecture: "amd64"))
    let error = #expect(throws: OCIError.self) { try ImageConfiguration(platform: Self.arm).merged(onto: base) }
    #expect(error?.code == .platformMismatch)
    #expect(error?.message.contains("linux/arm64") == true)
    #expect(throws: Never.self) {
      try ImageConfiguration(platform: .init(architecture: "x86_64")).merged(onto: base)
    }
  }

  @Test func mergingWithNothingChangesNothing() throws {
    let text = #"{"ExposedPorts":{"80":{"x":1}},"Env":["A=b"],"Cmd":[],"Labels":{"a":"b"},"Healthcheck":{"Q":1}}"#
    let some = try RuntimeConfiguration(JSON(parsing: text), path: "config")
    #expect(RuntimeConfiguration().merged(onto: some) == some)
    #expect(some.merged(onto: RuntimeConfiguration()) == some)
    #expect(some.merged(onto: some) == some)
  }
}
