import { createHash, createHmac, getDiffieHellman, randomBytes, timingSafeEqual } from 'node:crypto'

/** The group of SRP-6a in Cognito: the 3072-bit prime of RFC 3526, with the generator 2. */
const N = BigInt(`0x${getDiffieHellman('modp15').getPrime('hex')}`)
const G = 2n
const K = fromHex(sha256(padded(N) + padded(G)))

const SALT_BYTES = 16
const SECRET_BYTES = 32
const INFO = Buffer.from('Caldera Derived Key\u0001')

/** What the server stores of a password for SRP. A password can be guessed from it, but not computed. */
export interface Verifier {
  /** Hex. */
  salt: string
  /** Hex. */
  verifier: string
}

/** A sign-in by SRP that waits for the proof of the client. */
export interface SrpExchange {
  /** The public value of the server, in hex. */
  serverPublic: string
  /** The key that a client with the right password has too. */
  key: Buffer
}

/** Creates the verifier of a new password. */
export function createVerifier(poolId: string, username: string, password: string): Verifier {
  const salt = fromHex(randomBytes(SALT_BYTES).toString('hex'))
  const identity = createHash('sha256')
    .update(`${nameOf(poolId)}${username}:${password}`)
    .digest('hex')
  const x = fromHex(sha256(padded(salt) + identity))
  return { salt: salt.toString(16), verifier: powerOfG(x).toString(16) }
}

/** Returns a verifier that no password has, for an unknown user. The salt of a user name is always the same. */
export function fakeVerifier(secret: Buffer, username: string): Verifier {
  const salt = createHmac('sha256', secret).update(username).digest().subarray(0, SALT_BYTES)
  return {
    salt: fromHex(salt.toString('hex')).toString(16),
    verifier: fromHex(randomBytes(384).toString('hex')).toString(16),
  }
}

/**
 * Answers the public value of a client. Returns undefined if the value is invalid: a client could otherwise choose the key.
 *
 * @param clientPublic hex
 */
export function startExchange({ verifier }: Verifier, clientPublic: string): SrpExchange | undefined {
  if (!/^[0-9a-f]{1,1024}$/i.test(clientPublic)) return undefined
  const a = fromHex(clientPublic)
  if (a % N === 0n) return undefined
  const v = fromHex(verifier)
  const b = fromHex(randomBytes(SECRET_BYTES).toString('hex'))
  const serverPublic = (K * v + powerOfG(b)) % N
  const u = fromHex(sha256(padded(a) + padded(serverPublic)))
  const shared = power(a * power(v, u), b)
  const prk = createHmac('sha256', Buffer.from(padded(u), 'hex'))
    .update(Buffer.from(padded(shared), 'hex'))
    .digest()
  const key = createHmac('sha256', prk).update(INFO).digest().subarray(0, 16)
  return { serverPublic: serverPublic.toString(16), key }
}

/** Returns whether a client has the key of an exchange, and so knows the password. */
export function verifyProof(
  { key }: SrpExchange,
  poolId: string,
  { userId, secretBlock, timestamp, signature }: Record<'userId' | 'secretBlock' | 'timestamp' | 'signature', string>,
): boolean {
  const message = [Buffer.from(nameOf(poolId) + userId), Buffer.from(secretBlock, 'base64'), Buffer.from(timestamp)]
  const expected = createHmac('sha256', key).update(Buffer.concat(message)).digest()
  const given = Buffer.from(signature, 'base64')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** The name of a pool in the protocol: its id without the region. */
function nameOf(poolId: string): string {
  return poolId.slice(poolId.indexOf('_') + 1)
}

function sha256(hex: string): string {
  return createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex')
}

function fromHex(hex: string): bigint {
  return BigInt(`0x${hex}`)
}

/** Returns the bytes of a positive number in two's complement, in hex, as Java and Cognito hash them. */
function padded(value: bigint): string {
  const hex = value.toString(16)
  const even = hex.length % 2 === 1 ? `0${hex}` : hex
  return /^[89a-f]/.test(even) ? `00${even}` : even
}

/** At the position i, the powers of G to 1, 2 and 3 times `4 ** i`. It grows to the longest exponent so far. */
const powersOfG: Array<readonly [bigint, bigint, bigint]> = []

/** Returns `G ** exponent % N`. With the stored powers, it takes a quarter of the multiplications of `power`. */
function powerOfG(exponent: bigint): bigint {
  let result = 1n
  for (let rest = exponent, position = 0; rest > 0n; rest >>= 2n, position++) {
    const powers = powersOfG[position] ?? addPowersOfG()
    const factor = powers[Number(rest & 3n) - 1]
    if (factor !== undefined) result = (result * factor) % N
  }
  return result
}

function addPowersOfG(): readonly [bigint, bigint, bigint] {
  const [, square] = powersOfG.at(-1) ?? []
  const one = square === undefined ? G : (square * square) % N
  const two = (one * one) % N
  const powers = [one, two, (one * two) % N] as const
  powersOfG.push(powers)
  return powers
}

/** Returns `base ** exponent % N`. */
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let square = base % N
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % N
    square = (square * square) % N
  }
  return result
}
