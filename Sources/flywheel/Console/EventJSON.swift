import ImageAssembly
import OCICore
import Registry

/// Events as JSON objects, an event a line: `{"event":"sent","place":…,"digest":…,"bytes":…}`.
enum EventJSON {
  static func object(_ event: RegistryEvent) -> JSON.Object? {
    var object: JSON.Object = ["place": .string(event.place)]
    func named(_ name: String, _ blob: Descriptor? = nil) -> JSON.Object {
      var result: JSON.Object = ["event": .string(name)]
      for member in object.members { result[member.name] = member.value }
      if let blob {
        result["digest"] = .string(blob.digest.description)
        result["size"] = .integer(blob.size)
      }
      return result
    }
    switch event.kind {
    // Copies tell of it.
    case .queued: return nil
    case .exists(let blob): return named("exists", blob)
    case .mounted(let blob, let source):
      object["from"] = .string(source)
      return named("mounted", blob)
    case .sent(let blob, let bytes):
      object["bytes"] = .integer(bytes)
      return named("sent", blob)
    case .resumed(let blob, let offset):
      object["offset"] = .integer(offset)
      return named("resumed", blob)
    case .done(let blob): return named("done", blob)
    case .retrying(let what, let reason, let attempt, let pause):
      object["what"] = .string(what)
      object["reason"] = .string(reason)
      object["attempt"] = .integer(attempt)
      object["pauseMilliseconds"] = .integer(milliseconds(pause))
      return named("retrying")
    case .throttled(let pause, let asked):
      object["pauseMilliseconds"] = .integer(milliseconds(pause))
      object["askedMilliseconds"] = .integer(milliseconds(asked))
      return named("throttled")
    case .changedMethod(let old, let new, let reason):
      object["from"] = .string(old.description)
      object["to"] = .string(new.description)
      object["reason"] = .string(reason)
      return named("changedMethod")
    case .published(let reference):
      object["reference"] = .string(reference)
      return named("published")
    case .request(let method, let path, let status):
      object["method"] = .string(method)
      object["path"] = .string(path)
      object["status"] = .integer(status)
      return named("request")
    case .credentials(let text):
      object["source"] = .string(text)
      return named("credentials")
    // Warnings have one form, whoever warns.
    case .warning: return nil
    }
  }

  static func object(_ event: CopyEvent, _ place: String) -> JSON.Object? {
    func object(_ name: String, _ content: Descriptor) -> JSON.Object {
      [
        "event": .string(name), "destination": .string(place), "digest": .string(content.digest.description),
        "size": .integer(content.size),
      ]
    }
    switch event {
    case .queued(let content): return object("queued", content)
    case .started(let content): return object("started", content)
    case .copied(let content): return object("copied", content)
    case .skipped(let content, let reason):
      var result = object("skipped", content)
      switch reason {
      case .exists: result["reason"] = .string("exists")
      case .foreign: result["reason"] = .string("foreign")
      case .mounted(let source):
        result["reason"] = .string("mounted")
        result["from"] = .string(source)
      }
      return result
    case .tagged(let tag, let content, let isChanged):
      var result = object("tagged", content)
      result["tag"] = .string(tag)
      result["changed"] = .bool(isChanged)
      return result
    // Registries say how far they are; other destinations are told by what was read.
    case .progress: return nil
    }
  }

  static func object(_ progress: AssemblyProgress) -> JSON.Object? {
    switch progress {
    case .digesting(let layer, let count, let paths):
      ["event": .string("digesting"), "layer": .integer(layer), "of": .integer(count), "paths": .integer(paths)]
    case .hashed(let layer, let count, let bytes):
      ["event": .string("hashed"), "layer": .integer(layer), "of": .integer(count), "bytes": .integer(bytes)]
    case .digested(let layer, let count, let bytes, let wasKnown):
      [
        "event": .string("digested"), "layer": .integer(layer), "of": .integer(count), "bytes": .integer(bytes),
        "wasKnown": .bool(wasKnown),
      ]
    // Here images are sent as copies, which tell of it with the place.
    case .queued, .skipped, .pushing, .sending, .pushed, .tagged: nil
    // Warnings have one form, whoever warns.
    case .warning: nil
    }
  }

  private static func milliseconds(_ duration: Duration) -> Int64 {
    duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
  }
}
