import { createHash } from 'node:crypto'
import type { Transform } from '../transform.ts'
import { savedAs } from './saved-as.ts'

const ALGORITHMS = ['sha256', 'sha512'] as const

/** Writes a manifest of a file as JSON: its name, type, size and digests. */
export const digest: Transform = {
  name: 'digest',
  version: '1',
  apply: (input, { upload }) => ({
    contentType: 'application/json',
    filename: savedAs(upload.filename, '.digest.json'),
    body: (async function* () {
      const hashes = ALGORITHMS.map(algorithm => ({ algorithm, hash: createHash(algorithm) }))
      let size = 0
      for await (const chunk of input) {
        size += chunk.byteLength
        for (const { hash } of hashes) hash.update(chunk)
      }
      const { filename, contentType, contentEncoding } = upload
      const digests = Object.fromEntries(hashes.map(({ algorithm, hash }) => [algorithm, hash.digest('hex')]))
      yield Buffer.from(
        `${JSON.stringify({ filename, contentType, contentEncoding, size, ...digests }, undefined, 2)}\n`,
      )
    })(),
  }),
}
