internal import CLibCrypto

/// Signatures by Ed25519 (RFC 8032), checked by libcrypto.
package enum Ed25519 {
  /// The length of a public key, in bytes.
  package static let keyLength = 32
  /// The length of a signature, in bytes.
  package static let signatureLength = 64

  /// Whether the owner of a key has signed a message.
  package static func isValid(_ signature: [UInt8], of message: [UInt8], by key: [UInt8]) -> Bool {
    guard key.count == keyLength, signature.count == signatureLength else { return false }
    guard let publicKey = unsafe EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, key, key.count) else {
      return false
    }
    defer { unsafe EVP_PKEY_free(publicKey) }
    guard let context = unsafe EVP_MD_CTX_new() else { fatalError("out of memory for a signature's context") }
    defer { unsafe EVP_MD_CTX_free(context) }
    guard unsafe EVP_DigestVerifyInit(context, nil, nil, nil, publicKey) == 1 else { return false }
    return unsafe EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
  }
}
