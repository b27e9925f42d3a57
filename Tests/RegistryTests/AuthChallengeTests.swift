import Testing

@testable import Registry

struct AuthChallengeTests {
  @Test(arguments: [
    (["Basic realm=\"x\""], [AuthChallenge(scheme: "basic", parameters: ["realm": "x"])]),
    (["BASIC realm=x"], [AuthChallenge(scheme: "basic", parameters: ["realm": "x"])]),
    (["Basic"], [AuthChallenge(scheme: "basic")]),
    (
      ["Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:a/b:pull,push\""],
      [
        AuthChallenge(
          scheme: "bearer",
          parameters: ["realm": "https://a/t", "service": "s", "scope": "repository:a/b:pull,push"])
      ]
    ),
    (
      ["Bearer realm=\"r\" ,  Service=s , error=\"invalid_token\""],
      [AuthChallenge(scheme: "bearer", parameters: ["realm": "r", "service": "s", "error": "invalid_token"])]
    ),
    (
      ["Bearer realm=\"r\",service=\"\", Basic realm=\"b\""],
      [
        AuthChallenge(scheme: "bearer", parameters: ["realm": "r", "service": ""]),
        AuthChallenge(scheme: "basic", parameters: ["realm": "b"]),
      ]
    ),
    (
      ["Negotiate", "Bearer realm = \"r\"", "Basic"],
      [
        AuthChallenge(scheme: "negotiate"), AuthChallenge(scheme: "bearer", parameters: ["realm": "r"]),
        AuthChallenge(scheme: "basic"),
      ]
    ),
    (
      ["Negotiate YWJj==, Basic realm=\"b\""],
      [AuthChallenge(scheme: "negotiate"), AuthChallenge(scheme: "basic", parameters: ["realm": "b"])]
    ),
    (["Basic realm=\"a \\\"b\\\" \\\\c\""], [AuthChallenge(scheme: "basic", parameters: ["realm": "a \"b\" \\c"])]),
    (["Basic realm=\"not closed"], [AuthChallenge(scheme: "basic", parameters: ["realm": "not closed"])]),
    (
      ["Bearer realm=https://a/t?x=y,service=s"],
      [AuthChallenge(scheme: "bearer", parameters: ["realm": "https://a/t?x=y", "service": "s"])]
    ),
    ([""], []), (["  , ,"], []), (["=\"\"=@@"], []), ([], []),
  ])
  func challengesAreParsed(headers: [String], expected: [AuthChallenge]) {
    #expect(AuthChallenge.parse(headers) == expected)
  }
}
