import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

/** The default of the cost parameter N of scrypt. A hash takes about 40 ms. */
export const PASSWORD_COST = 16_384
const BLOCKS = { r: 8, p: 1 }
const SALT_BYTES = 16
const KEY_BYTES = 32

/**
 * Hashes a secret that a person may have chosen, with scrypt and a random salt.
 *
 * @param N the cost parameter of scrypt, a power of two
 * @returns `scrypt$N$r$p$salt$key`, with salt and key in base64url. The cost can change, and old hashes can still be
 * verified
 */
export async function hashPassword(password: string, N: number): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const key = await derive(password, salt, { N, ...BLOCKS })
  return ['scrypt', N, BLOCKS.r, BLOCKS.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** Returns whether a password matches a hash. False for a hash that `hashPassword` did not create. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const [scheme, N, r, p, salt, key] = hash.split('$')
  if (scheme !== 'scrypt' || salt === undefined || key === undefined) return false
  const expected = Buffer.from(key, 'base64url')
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  const actual = await derive(password, Buffer.from(salt, 'base64url'), cost)
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}

/**
 * Takes as long as a real verification and resolves to false. It is used for unknown users, so that the response time
 * does not reveal whether a user exists.
 */
export async function verifyNothing(password: string, N: number): Promise<false> {
  await derive(password, Buffer.alloc(SALT_BYTES), { N, ...BLOCKS })
  return false
}

function derive(password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, KEY_BYTES, cost, (error, key) => {
      if (error) reject(error)
      else resolve(key)
    })
  })
}
