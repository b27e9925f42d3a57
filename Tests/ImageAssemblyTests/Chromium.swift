import Foundation
import OCICore
import OCITesting
import Synchronization
import SystemPackage

/// A headless Chromium and one page in it, driven by the DevTools protocol over a pair of pipes: real keys, the colour scheme
/// that a reader's system asks for, what the page fetched, and what it complained about.
final class Chromium: Sendable {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private struct State {
    var waiting: [Int: CheckedContinuation<JSON, any Error>] = [:]
    var lastNumber = 0
    var events: [JSON] = []
    var isClosed = false
  }

  private let process: Process
  private let input: FileHandle
  private let state = Mutex(State())
  private let session: Mutex<String?> = Mutex(nil)

  static let isInstalled = Tool.areInstalled("chromium")

  /// Runs a test with a browser of its own, which ends with it.
  static func with(width: Int = 1200, height: Int = 900, _ body: (Chromium) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let browser = try Chromium(profile: directory.string)
      // Whoever waits for an answer that never comes is told that the browser has ended.
      let watch = Task {
        try await Task.sleep(for: .seconds(60))
        browser.process.terminate()
      }
      defer {
        watch.cancel()
        browser.process.terminate()
        browser.process.waitUntilExit()
      }
      try await browser.open(width, height)
      try await body(browser)
    }
  }

  private init(profile: String) throws {
    // A browser that ended must not end the tests.
    signal(SIGPIPE, SIG_IGN)
    process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    // The protocol is spoken on descriptors 3 and 4.
    let command =
      "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking --no-first-run "
      + "--hide-scrollbars --user-data-dir=\"$0\" --remote-debugging-pipe 3<&0 4>&1 </dev/null >/dev/null 2>&1"
    process.arguments = ["-c", command, profile]
    process.currentDirectoryURL = URL(fileURLWithPath: profile)
    let (requests, answers) = (Pipe(), Pipe())
    process.standardInput = requests
    process.standardOutput = answers
    input = requests.fileHandleForWriting
    try process.run()
    let output = answers.fileHandleForReading
    Thread.detachNewThread { [weak self] in
      var rest = Data()
      while case let some = output.availableData, !some.isEmpty {
        rest.append(some)
        while let end = rest.firstIndex(of: 0) {
          self?.receive([UInt8](rest[..<end]))
          rest = Data(rest[(end + 1)...])
        }
      }
      self?.close()
    }
  }

  // MARK: The protocol

  private func receive(_ message: [UInt8]) {
    guard let json = try? JSON(parsing: message, valueLimit: .max), let object = json.objectValue else { return }
    state.withLock { state in
      if let number = object["id"]?.integerValue {
        let waiting = state.waiting.removeValue(forKey: Int(number))
        if let error = object["error"] {
          waiting?.resume(throwing: Failure(description: error.prettyText))
        } else {
          waiting?.resume(returning: object["result"] ?? .null)
        }
      } else {
        state.events.append(json)
      }
    }
  }

  private func close() {
    state.withLock { state in
      state.isClosed = true
      for continuation in state.waiting.values {
        continuation.resume(throwing: Failure(description: "the browser has ended"))
      }
      state.waiting = [:]
    }
  }

  @discardableResult
  private func send(_ method: String, _ parameters: JSON.Object = [:]) async throws -> JSON {
    try await withCheckedThrowingContinuation { continuation in
      let number = state.withLock { state -> Int? in
        guard !state.isClosed else { return nil }
        state.lastNumber += 1
        state.waiting[state.lastNumber] = continuation
        return state.lastNumber
      }
      guard let number else {
        return continuation.resume(throwing: Failure(description: "the browser has ended"))
      }
      var object: JSON.Object = ["id": .integer(number), "method": .string(method), "params": .object(parameters)]
      if let session = session.withLock({ $0 }) { object["sessionId"] = .string(session) }
      try? input.write(contentsOf: Data(JSON.object(object).canonicalBytes + [0]))
    }
  }

  private func open(_ width: Int, _ height: Int) async throws {
    let target = try await send("Target.createTarget", ["url": "about:blank"]).objectValue?["targetId"] ?? .null
    let attached = try await send("Target.attachToTarget", ["targetId": target, "flatten": .bool(true)])
    session.withLock { $0 = attached.objectValue?["sessionId"]?.stringValue }
    for domain in ["Page", "Runtime", "Log", "Network", "Performance"] { try await send("\(domain).enable") }
    try await send(
      "Emulation.setDeviceMetricsOverride",
      ["width": .integer(width), "height": .integer(height), "deviceScaleFactor": .integer(1), "mobile": .bool(false)])
  }

  // MARK: What a test does

  /// Loads a file and waits until its scripts have run and two frames have been drawn.
  /// - Parameter scripts: Whether they are run; what `evaluate` asks is run in any case.
  func load(_ path: String, scripts: Bool = true) async throws {
    state.withLock { $0.events = [] }
    try await send("Emulation.setScriptExecutionDisabled", ["value": .bool(!scripts)])
    try await send("Page.navigate", ["url": .string("file://\(path)")])
    for _ in 0..<600 {
      let state = try await evaluate("location.protocol === 'file:' && document.readyState")
      if state.stringValue == "complete" { break }
      try await Task.sleep(for: .milliseconds(10))
    }
    // Without scripts nothing is called when a frame is drawn.
    if scripts { try await settle() }
  }

  /// Waits until what was asked for is drawn.
  func settle() async throws {
    _ = try await evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
  }

  /// Asks the page; a promise is waited for.
  func evaluate(_ expression: String) async throws -> JSON {
    let answer = try await send(
      "Runtime.evaluate",
      ["expression": .string(expression), "returnByValue": .bool(true), "awaitPromise": .bool(true)])
    if let problem = answer.objectValue?["exceptionDetails"] { throw Failure(description: problem.prettyText) }
    return answer.objectValue?["result"]?.objectValue?["value"] ?? .null
  }

  func text(_ expression: String) async throws -> String { try await evaluate(expression).stringValue ?? "" }

  func number(_ expression: String) async throws -> Int {
    guard case .number(let text) = try await evaluate(expression), let value = Double(text) else { return -1 }
    return Int(value)
  }

  /// Presses and releases a key.
  func press(_ key: String) async throws {
    let codes = [
      "Enter": 13, "Escape": 27, "Backspace": 8, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
      "ArrowDown": 40,
      "Home": 36, "End": 35, "PageUp": 33, "PageDown": 34, " ": 32,
    ]
    for type in ["keyDown", "keyUp"] {
      var event: JSON.Object = [
        "type": .string(type), "key": .string(key), "code": .string(key == " " ? "Space" : key),
        "windowsVirtualKeyCode": .integer(codes[key] ?? 0),
      ]
      if type == "keyDown", key == "Enter" { event["text"] = "\r" }
      if type == "keyDown", key == " " { event["text"] = " " }
      try await send("Input.dispatchKeyEvent", event)
    }
    try await settle()
  }

  /// Types text where the focus is.
  func type(_ text: String) async throws {
    try await send("Input.insertText", ["text": .string(text)])
    try await settle()
  }

  /// Has the reader's system ask for `light` or `dark`.
  func prefer(_ scheme: String) async throws {
    let feature: JSON = .object(["name": "prefers-color-scheme", "value": .string(scheme)])
    try await send("Emulation.setEmulatedMedia", ["features": .array([feature])])
    try await settle()
  }

  /// Counts of Chromium's own, such as `Nodes` and `LayoutCount`.
  func metrics() async throws -> [String: Int] {
    let list = try await send("Performance.getMetrics").objectValue?["metrics"]?.arrayValue ?? []
    return Dictionary(
      list.compactMap { metric -> (String, Int)? in
        guard let name = metric.objectValue?["name"]?.stringValue,
          case .number(let text)? = metric.objectValue?["value"],
          let value = Double(text)
        else { return nil }
        return (name, Int(value))
      }, uniquingKeysWith: { $1 })
  }

  /// A picture of what is in the window.
  func screenshot() async throws -> [UInt8] {
    let answer = try await send("Page.captureScreenshot", ["format": "png"])
    return [UInt8](Data(base64Encoded: answer.objectValue?["data"]?.stringValue ?? "") ?? Data())
  }

  /// What the page complained about since it was loaded: exceptions, errors in the console, and what its policy forbade.
  func complaints() -> [String] {
    events { method, parameters in
      switch method {
      case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded": JSON.object(parameters).prettyText
      default: nil
      }
    }
  }

  /// The addresses that the page asked for, itself among them.
  func requests() -> [String] {
    events { method, parameters in
      method == "Network.requestWillBeSent" ? parameters["request"]?.objectValue?["url"]?.stringValue : nil
    }
  }

  private func events(_ pick: (String, JSON.Object) -> String?) -> [String] {
    state.withLock { $0.events }.compactMap { event in
      guard let method = event.objectValue?["method"]?.stringValue,
        let parameters = event.objectValue?["params"]?.objectValue
      else { return nil }
      return pick(method, parameters)
    }
  }
}
