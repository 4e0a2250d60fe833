import type { Hash } from './digest.ts'

/** The first 32 bits of the fractional parts of the roots of the first primes (FIPS 180-4, 4.2.2 and 5.3.3). */
function fractions(root: number, count: number): number[] {
  const found: number[] = []
  for (let n = 2; found.length < count; n++) {
    let isPrime = true
    for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) isPrime = false
    if (isPrime) found.push(((n ** (1 / root) % 1) * 2 ** 32) | 0)
  }
  return found
}

const BLOCK_BYTES = 64
const K = new Int32Array(fractions(3, 64))
const START = fractions(2, 8)

/** Creates a SHA-256 (FIPS 180-4) for browsers, whose `crypto.subtle` takes no input piece by piece. */
export function createHash(): Hash {
  const state = new Int32Array(START)
  const words = new Int32Array(64)
  const block = new Uint8Array(BLOCK_BYTES)
  const view = new DataView(block.buffer)
  let filled = 0
  let length = 0

  function compress(data: DataView, offset: number): void {
    for (let i = 0; i < 16; i++) words[i] = data.getInt32(offset + i * 4)
    for (let i = 16; i < 64; i++) {
      const w15 = words[i - 15] as number
      const w2 = words[i - 2] as number
      const s0 = ((w15 >>> 7) | (w15 << 25)) ^ ((w15 >>> 18) | (w15 << 14)) ^ (w15 >>> 3)
      const s1 = ((w2 >>> 17) | (w2 << 15)) ^ ((w2 >>> 19) | (w2 << 13)) ^ (w2 >>> 10)
      words[i] = ((words[i - 16] as number) + s0 + (words[i - 7] as number) + s1) | 0
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (K[i] as number) + (words[i] as number)) | 0
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) state[i] = ((state[i] as number) + value) | 0
  }

  return {
    update(bytes) {
      length += bytes.length
      let offset = 0
      if (filled > 0) {
        const taken = bytes.subarray(0, BLOCK_BYTES - filled)
        block.set(taken, filled)
        filled += taken.length
        offset = taken.length
        if (filled < BLOCK_BYTES) return
        compress(view, 0)
        filled = 0
      }
      const input = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      for (; offset + BLOCK_BYTES <= bytes.length; offset += BLOCK_BYTES) compress(input, offset)
      block.set(bytes.subarray(offset))
      filled = bytes.length - offset
    },
    hex() {
      block.fill(0, filled)
      block[filled] = 0x80
      if (filled >= BLOCK_BYTES - 8) {
        compress(view, 0)
        block.fill(0)
      }
      view.setBigUint64(BLOCK_BYTES - 8, BigInt(length) * 8n)
      compress(view, 0)
      return Array.from(state, word => (word >>> 0).toString(16).padStart(8, '0')).join('')
    },
  }
}
