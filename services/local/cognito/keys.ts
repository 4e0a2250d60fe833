import { createHash, createPublicKey, generateKeyPair, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

const RSA = { modulusLength: 2048 }

/** A key that signs a pool's tokens. It is plain data, so that it can be stored in a file. */
export interface SigningKey {
  kid: string
  /** PKCS #8, PEM */
  privateKey: string
}

/** A key of a JWKS (RFC 7517). */
export interface PublicJwk {
  alg: 'RS256'
  use: 'sig'
  kty: 'RSA'
  kid: string
  n: string
  e: string
}

/** Generates a key outside the main thread. */
export async function generateSigningKey(): Promise<SigningKey> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', RSA)
  return toSigningKey(privateKey)
}

/** Generates a key synchronously, which blocks the process for about 50 ms. */
export function generateSigningKeySync(): SigningKey {
  return toSigningKey(generateKeyPairSync('rsa', RSA).privateKey)
}

export function toPublicJwk(key: SigningKey): PublicJwk {
  return { alg: 'RS256', use: 'sig', kid: key.kid, ...publicParts(createPublicKey(key.privateKey)) }
}

function toSigningKey(privateKey: KeyObject): SigningKey {
  // The thumbprint of RFC 7638, so that a key always has the same id.
  const { kty, n, e } = publicParts(createPublicKey(privateKey))
  const kid = createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url')
  return { kid, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

function publicParts(key: KeyObject): Pick<PublicJwk, 'kty' | 'n' | 'e'> {
  const { n, e } = key.export({ format: 'jwk' })
  if (n === undefined || e === undefined) throw new TypeError('The signing key is not an RSA key.')
  return { kty: 'RSA', n, e }
}
