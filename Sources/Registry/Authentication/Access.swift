/// What a request needs to be allowed to do: decides which token it gets.
struct Access: Sendable, Hashable {
  /// The registry's scheme and authority: where credentials may go.
  var origin: RegistryURL
  /// The host as the user wrote it, by which credentials are kept.
  var host: String
  /// The repository; `nil` for what concerns the whole registry.
  var repository: String?
  /// E.g. `pull,push`, in the distribution project's order.
  var actions: String
  /// A repository to mount a blob from, which the same token must cover.
  var mountSource: String?

  /// The scopes to ask a token server for, ours first: some servers see only the first.
  func scopes(besides extra: [String]) -> [String] {
    var scopes: [String] = []
    if let repository { scopes.append("repository:\(repository):\(actions)") }
    if repository == nil, actions == "catalog" { scopes.append("registry:catalog:*") }
    if let mountSource { scopes.append("repository:\(mountSource):pull") }
    for scope in extra where !scopes.contains(scope) { scopes.append(scope) }
    return scopes
  }
}
