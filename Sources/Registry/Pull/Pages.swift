internal import OCICore

extension Endpoint {
  /// Reads a list that comes in pages (distribution-spec §Listing Tags): follows `Link` headers, at this registry alone.
  ///
  /// Some registries give the same page again and again, so a page with nothing new ends it.
  /// - Parameters:
  ///   - path: Of the first page, below the endpoint's address.
  ///   - limit: How many bytes a page may have.
  ///   - take: Takes one page; gives whether there was anything new in it.
  /// - Returns: `false` where there is no such list.
  func pages(
    _ path: String, _ what: String, headers: [(name: String, value: String)] = [], limit: Int = 16 << 20,
    _ take: (JSON.Object, Response) throws -> Bool
  ) async throws -> Bool {
    var request = request("GET", path)
    request.headers = headers
    for number in 0..<10_000 {
      let (response, page) = try await retrying(what) { () -> (Response, JSON.Object?) in
        let response = try await send(request)
        if response.status == 404, number == 0 {
          await response.beginning()
          return (response, nil)
        }
        guard response.status == 200 else { throw await failure(response, what) }
        let bytes = try await response.body.collect(upTo: limit)
        guard let object = (try? JSON(parsing: bytes))?.objectValue else {
          throw violation("gives no JSON object", request)
        }
        return (response, object)
      }
      guard let page else { return false }
      guard try take(page, response), let next = Self.next(in: response) else { return true }
      guard let url = request.url.resolving(next), url.hasSameOrigin(as: base) else {
        throw violation("continues its list at '\(printable(next, limit: 200))', which is elsewhere", request)
      }
      request.url = url
    }
    throw violation("gives a list without an end", request)
  }

  /// The target of `Link: <…>; rel="next"` (RFC 8288).
  private static func next(in response: Response) -> String? {
    for link in response.allHeaders("Link").joined(separator: ",").split(separator: ",") {
      guard let start = link.firstIndex(of: "<"), let end = link.firstIndex(of: ">"), start < end else { continue }
      let parameters = link[end...].lowercased().filter { $0 != " " && $0 != "\"" }
      guard parameters.contains("rel=next") else { continue }
      return String(link[link.index(after: start)..<end])
    }
    return nil
  }
}
